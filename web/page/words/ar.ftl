# The call page in Arabic; en.ftl says what there is to say. $why, which is English, is left out where it can be.

### Everywhere

role = { $role ->
    [host] مضيف
    [observer] مراقب
   *[guest] ضيف
}
close = إغلاق
dismiss = تجاهل
not-now = ليس الآن
try-again = إعادة المحاولة
loading = جارٍ التحميل…
language = اللغة

### Arriving

lobby-document = الانضمام إلى { $call }
lobby-join-the-call = الانضمام إلى المكالمة
lobby-name = اسمك
lobby-name-hint = كما سيراه الآخرون
lobby-name-rule = حرف مرئي واحد على الأقل
lobby-join = انضمام
lobby-joining = جارٍ الانضمام…
lobby-as-token = يحدد رابطك الصفة التي تنضم بها.
lobby-as = { $role ->
    [host] تنضم بصفة مضيف.
    [observer] تنضم بصفة مراقب: ترى كل شيء ولا تغيّر شيئًا.
   *[guest] تنضم بصفة ضيف.
}
lobby-strange-role = هذا الرابط مخصص لصفة «{ $role }»، ولا وجود لها. اطلب الرابط مرة أخرى.
lobby-preview = الكاميرا والميكروفون لديك
lobby-camera-starting = جارٍ تشغيل الكاميرا…

device = { $device ->
    [camera] الكاميرا
    [speaker] مكبر الصوت
   *[microphone] الميكروفون
}
device-is-on = { $device ->
    [camera] الكاميرا مشغّلة
   *[microphone] الميكروفون مشغّل
}
device-is-off = { $device ->
    [camera] الكاميرا متوقفة
   *[microphone] الميكروفون متوقف
}
device-refused = { $device ->
    [camera] لا يُسمح لهذه الصفحة باستخدام الكاميرا. اضغط على الرمز في بداية شريط العنوان، واسمح بالكاميرا هناك، ثم اضغط هنا على زر الكاميرا من جديد.
   *[microphone] لا يُسمح لهذه الصفحة باستخدام الميكروفون. اضغط على الرمز في بداية شريط العنوان، واسمح بالميكروفون هناك، ثم اضغط هنا على زر الميكروفون من جديد.
}
device-none = { $device ->
    [camera] لم يُعثر على كاميرا. يمكن إجراء المكالمة من دونها.
   *[microphone] لم يُعثر على ميكروفون. يمكن إجراء المكالمة من دونه.
}
device-failed = { $device ->
    [camera] تعذّر تشغيل الكاميرا. افصلها ثم صلها من جديد، أو اختر كاميرا أخرى.
   *[microphone] تعذّر تشغيل الميكروفون. افصله ثم صله من جديد، أو اختر ميكروفونًا آخر.
}
device-insecure = { $device ->
    [camera] لا يتيح المتصفح الكاميرا للصفحات التي لا تستخدم https. يمكن إجراء المكالمة من دونها.
   *[microphone] لا يتيح المتصفح الميكروفون للصفحات التي لا تستخدم https. يمكن إجراء المكالمة من دونه.
}
device-is-paused = تعود الكاميرا عندما تتوقف عن عرض شاشتك
device-blocked = { $device ->
    [camera] يمنع نظامك هذا المتصفح من استخدام الكاميرا. اسمح بذلك في إعدادات الخصوصية في النظام، ثم شغّلها هنا.
   *[microphone] يمنع نظامك هذا المتصفح من استخدام الميكروفون. اسمح بذلك في إعدادات الخصوصية في النظام، ثم شغّله هنا.
}
device-busy = { $device ->
    [camera] يستخدم برنامج آخر الكاميرا. أغلق ذلك البرنامج أو اختر كاميرا أخرى، ثم شغّلها هنا.
   *[microphone] يستخدم برنامج آخر الميكروفون. أغلق ذلك البرنامج أو اختر ميكروفونًا آخر، ثم شغّله هنا.
}
device-gone = { $device ->
    [camera] «{ $label }» غير متصل. تُستخدم كاميرا النظام بدلًا منه.
    [speaker] «{ $label }» غير متصل. يُستخدم مكبر صوت النظام بدلًا منه.
   *[microphone] «{ $label }» غير متصل. يُستخدم ميكروفون النظام بدلًا منه.
}
device-numbered = { $device ->
    [camera] الكاميرا { $number }
    [speaker] مكبر الصوت { $number }
   *[microphone] الميكروفون { $number }
}
settings = الإعدادات
settings-title = الكاميرا والميكروفون ومكبر الصوت واللغة
devices-check = اختيار الأجهزة وتجربتها
devices-default = الافتراضي في النظام
level = مستوى صوت الميكروفون
level-off = شغّل الميكروفون لتجربته.
level-listening = قل شيئًا: يتحرك الشريط.
level-heard = الميكروفون يلتقط صوتك.
level-silent = لا يُسمع شيء. اختر ميكروفونًا آخر، أو تحقق من عدم وجود مفتاح مغلق عليه.
speaker-test = تشغيل صوت
speaker-played = هل سمعته؟ إن لم تسمعه فارفع مستوى الصوت أو اختر مكبر صوت آخر.
speaker-by-system = يستخدم هذا المتصفح مكبر الصوت المحدد في نظامك.
blur = تمويه خلفية صورتي
save-power = توفير الطاقة
save-power-words = لجهاز ضعيف أو اتصال بطيء: صور أصغر وأقل، وحركة أقل، وتطبيقات أقل تبقى مفتوحة.

join-bad-name = لا يمكن استخدام هذا الاسم أو هذا الرابط. تحقق من اسمك، أو اطلب الرابط مرة أخرى.
join-no-such-call = لا توجد هنا مكالمة كهذه. اطلب الرابط مرة أخرى.
join-refused = هذا الرابط لا يتيح لك الدخول. اطلب رابطًا جديدًا ممن دعاك.
join-unauthorized = { $link ->
    [none] لا يُدخل إلى هذه المكالمة إلا بدعوة. افتح الرابط كاملًا، أو اطلب رابطًا من المضيف.
    [cut] هذا الرابط غير كامل. افتح الرابط كاملًا، أو اطلب رابطًا جديدًا.
    [elsewhere] هذا الرابط لمكالمة أخرى. اطلب رابط هذه المكالمة.
    [late] انتهت صلاحية هذا الرابط. اطلب رابطًا جديدًا ممن دعاك.
   *[other] رابطك غير صالح أو لم يعد صالحًا. اطلب رابطًا جديدًا ممن دعاك.
}
join-too-fast = المكالمة ممتلئة، أو دخلها كثيرون في وقت واحد. حاول مرة أخرى بعد دقيقة.
join-broken = لا يمكن الوصول إلى المكالمة. تحقق من اتصالك، ثم حاول مرة أخرى.
join-restarting = يُعاد الآن تشغيل الخادم. حاول مرة أخرى بعد بضع ثوانٍ.
join-storage-failed = لا يستطيع الخادم قراءة هذه المكالمة في الوقت الحالي. حاول مرة أخرى بعد دقيقة.
join-failed = تعذّر الانضمام: { $why }. حاول مرة أخرى، أو أعد تحميل الصفحة.

### Waiting to be let in

waiting-document = في الانتظار · { $call }
waiting-title = في انتظار السماح بالدخول
waiting-as = طلبت الدخول باسم { $name }. أبقِ هذه الصفحة مفتوحة: ستبدأ المكالمة هنا.
waiting-stop = إنهاء الانتظار
waiting-lost = انقطع الاتصال. جارٍ إعادة الاتصال… وبعدها يستمر انتظارك تلقائيًا.
waiting-seen-soon = سيرى مضيفو هذه المكالمة أنك تنتظر فور حضورهم. وستدخل عندما يسمح لك أحدهم بذلك.
waiting-held = رآك أحد المضيفين، ويرجو منك الانتظار قليلًا.
waiting-host-says = يقول المضيف:
waiting-locked = هذه المكالمة مقفلة
waiting-locked-words = أقفل أحد المضيفين المكالمة: لا يدخل أحد جديد الآن. أبقِ هذه الصفحة مفتوحة: ستخبرك فور فتح المكالمة من جديد.
waiting-opened = فُتحت المكالمة من جديد: أنت الآن فيها.
waiting-apps = أثناء انتظارك
waiting-apps-words = لا يرى أحد هذا قبل السماح لك بالدخول. وبعد ذلك يراه من في المكالمة.

### The call

call-document = { $call } · مكالمة
call-document-waiting = ({ $count }) { $call } · مكالمة
controls = الكاميرا والميكروفون والتطبيقات والأشخاص
apps = التطبيقات
people = الأشخاص
people-waiting = { $count } في الانتظار
invite = دعوة
invite-title = نسخ رابط لشخص آخر
invite-copied = نُسخ الرابط. أرسله إلى من تريد أن ينضم.
invite-link = أرسل هذا الرابط إلى من تريد أن ينضم: { $link }

status-saved = محفوظ
status-saved-title = كل ما فعلته هنا محفوظ على قرص الخادم
status-saving = جارٍ الحفظ…
status-saving-title = آخر تغييراتك في طريقها إلى قرص الخادم
status-offline = جارٍ إعادة الاتصال…
status-offline-title = انقطع الاتصال. ما تفعله الآن محفوظ، وسيُرسل حين يعود اتصالك
status-away = { $others ->
    [zero] جارٍ إعادة الاتصال…
    [one] جارٍ إعادة الاتصال… مع شخص آخر
    [two] جارٍ إعادة الاتصال… مع شخصين آخرين
    [few] جارٍ إعادة الاتصال… مع { $others } أشخاص آخرين
    [many] جارٍ إعادة الاتصال… مع { $others } شخصًا آخر
   *[other] جارٍ إعادة الاتصال… مع { $others } شخص آخر
}
status-away-title = { $others ->
    [zero] الخادم غير متاح. ما تفعله محفوظ، وسيُرسل حين يعود الخادم
    [one] الخادم غير متاح. تواصل العمل أنت وشخص آخر معًا. ما تفعله محفوظ، وسيُرسل حين يعود الخادم
    [two] الخادم غير متاح. تواصل العمل أنت وشخصان آخران معًا. ما تفعله محفوظ، وسيُرسل حين يعود الخادم
    [few] الخادم غير متاح. تواصل العمل أنت و{ $others } أشخاص آخرين معًا. ما تفعله محفوظ، وسيُرسل حين يعود الخادم
    [many] الخادم غير متاح. تواصل العمل أنت و{ $others } شخصًا آخر معًا. ما تفعله محفوظ، وسيُرسل حين يعود الخادم
   *[other] الخادم غير متاح. تواصل العمل أنت و{ $others } شخص آخر معًا. ما تفعله محفوظ، وسيُرسل حين يعود الخادم
}
status-read-only = للقراءة فقط
status-read-only-title = لا يستطيع الخادم الحفظ في الوقت الحالي. ما سبق حفظه آمن، ولا يمكن تغيير شيء حتى يستأنف الحفظ
status-connected = متصل
locked = مقفلة
locked-title = أقفل أحد المضيفين المكالمة: لا يدخل أحد جديد

participants = المشاركون
you = أنت
away = غير متصل
away-title = انقطع الاتصال، وقد يعود
microphone-off = الميكروفون متوقف
camera-off = الكاميرا متوقفة
picture-saved = بلا صورة، لتوفير الطاقة
speaks = يتحدث
floating = إبقاء صورة { $name } فوق النوافذ الأخرى
path = { $path ->
    [direct] مباشر
    [relay] عبر الخادم
    [server] عبر الخادم
    [poor] اتصال ضعيف
   *[connecting] جارٍ الاتصال…
}
path-of = { $path ->
    [direct] الاتصال مع { $name } مباشر
    [relay] الاتصال مع { $name } عبر الخادم
    [server] { $name } متصل عبر خادم وسيط
    [poor] الاتصال مع { $name } ضعيف: قد يتقطع الصوت والصورة
   *[connecting] جارٍ الاتصال مع { $name }…
}
path-words = { $path ->
    [direct] اتصال مباشر
    [relay] اتصال عبر الخادم
   *[connecting] جارٍ الاتصال…
}
media-cut = لا يصل صوت ولا صورة
screen = الشاشة
screen-title = عرض شاشتك للجميع بدلًا من الكاميرا
screen-own = يرى الجميع شاشتك.
screen-stop = إيقاف العرض
screen-of = { $name } يعرض الشاشة
screen-watch = مشاهدة الشاشة
screen-leave = تصغير
screen-full = عرضها على الشاشة كاملة
screen-coming = شاشة { $name } في الطريق…
screen-unreachable = لا تصل أي صورة من { $name }: لا يوجد طريق مباشر بين شبكتيكما.
screen-failed = تعذّر عرض شاشتك. حاول مرة أخرى، أو اختر نافذة بدلًا من الشاشة كاملة.
screen-blocked = يمنع نظامك هذا المتصفح من الوصول إلى الشاشة. اسمح بتسجيل الشاشة في إعدادات الخصوصية في النظام، ثم حاول مرة أخرى.

### The stage

stage = مساحة العرض
stage-tabs = ما في المكالمة
stage-everybody-sees-this = يراه الجميع
stage-everybody-sees-this-too = ، يراه الجميع
stage-hosts-see-this = يراه المضيفون فقط
stage-only-you = أنت وحدك ترى هذا. يرى الجميع «{ $title }».
stage-only-you-and-nothing = أنت وحدك ترى هذا. لا يُعرض شيء على الجميع.
stage-may-look = يمكنك المشاهدة دون تغيير أي شيء.
stage-back = رجوع
stage-back-to = الرجوع إلى ما يراه الجميع
stage-show = عرض على الجميع
stage-full-screen = عرض المساحة على الشاشة كاملة
stage-full-screen-end = الخروج من ملء الشاشة
stage-inspect = فحص تقني
stage-inspect-title = فحص تقني: الحالة والحضور والتدفقات وعمليات الكتابة المرفوضة وتكلفة كل مورد
stage-remove = إزالة { $title }
removed = أُزيل «{ $title }».
removed-by = أزال { $name } «{ $title }».
removed-by-you = لقد أزلت «{ $title }» للجميع.
removed-undo = تراجع
removed-undo-title = استعادة «{ $title }» بكل ما فيه
stage-others = ما يُسمح للآخرين بفعله في { $title }
stage-others-edit = للآخرين التعديل
stage-others-view = للآخرين المشاهدة
stage-others-hidden = مخفي عن الآخرين
access = من يُسمح له بماذا في «{ $title }»
access-of = ما يُسمح لـ { $name } بفعله في «{ $title }»
access-all-edit = للآخرين التعديل وللمراقبين المشاهدة، ما لم يُحدَّد هنا غير ذلك. للمضيفين التعديل دائمًا.
access-all-view = للآخرين المشاهدة، ما لم يُحدَّد هنا غير ذلك. للمضيفين التعديل دائمًا.
access-all-hidden = مخفي عن الآخرين، ما لم يُحدَّد هنا غير ذلك. للمضيفين التعديل دائمًا.
access-as-all = مثل الآخرين
access-edit = له التعديل
access-view = له المشاهدة
access-hidden = مخفي عنه
access-nobody = لا يوجد هنا إلا المضيفون. من يأتي لاحقًا يظهر في هذه القائمة.
access-not-here = غير حاضر
access-somebody = شخص غادر
access-exceptions = { $count ->
    [zero] بلا استثناءات
    [one] استثناء واحد
    [two] استثناءان
    [few] { $count } استثناءات
    [many] { $count } استثناءً
   *[other] { $count } استثناء
}
stage-for-waiting = في منطقة الانتظار
stage-for-waiting-title = يملؤه في هذه الأثناء من ينتظر الدخول، وما يكتبه ينتقل معه إلى المكالمة.
stage-empty = هذه مساحة العرض
stage-empty-words = ما تضعه هنا يراه كل من في المكالمة ويستخدمونه معًا.
stage-empty-wait = ما يضعه الآخرون هنا سيظهر لك.
stage-nothing-shown = لا يُعرض شيء على الجميع
stage-nothing-shown-words = اختر علامة تبويب في الأعلى لمشاهدة شيء ما، واعرضه على الجميع إن شئت.
stage-add = إضافة تطبيق
stage-hidden = «{ $title }» مخفي
stage-hidden-words = أخفاه عنك أحد المضيفين. سيعود إلى هنا حين يُعرض عليك من جديد.
stage-hidden-note = أخفى عنك أحد المضيفين «{ $title }».

app-starting = جارٍ تشغيل «{ $title }»…
app-newer = يوجد إصدار أحدث من «{ $title }». إلى أن تحمّله، يمكنك المشاهدة دون تغيير أي شيء.
app-load-newer = تحميل
app-missing = لم يعد التطبيق «{ $app }» موجودًا على هذا الخادم. محتواه محفوظ.
app-late = لم يبدأ «{ $title }». يجد مطوّره السبب في وحدة تحكم المتصفح.
app-elsewhere = أراد «{ $title }» الانتقال إلى صفحة أخرى، وهذا لا يُسمح به للتطبيقات. ما فيه محفوظ؛ والمكالمة مستمرة.
app-hangs = لم يعد «{ $title }» يستجيب. ما فيه محفوظ.
app-start-again = إعادة التشغيل
app-stopped = توقف «{ $title }»: فعل ما لا يُسمح به للتطبيقات. المكالمة مستمرة.
app-stopped-itself = توقف «{ $title }»: { $why }. أعد تشغيله للمحاولة مرة أخرى؛ المكالمة مستمرة.

drawer-words = التطبيق الذي تضيفه يُعرض على كل من في المكالمة.
drawer-search = البحث في التطبيقات
drawer-none-found = لا يوجد تطبيق يتضمن اسمه أو وصفه «{ $wanted }».
drawer-add = إضافة
drawer-adding = جارٍ الإضافة…
drawer-add-app = إضافة { $app }
drawer-who-adds = { $roles ->
    [host] يضيفه المضيفون.
    [guest] يضيفه الضيوف.
   *[both] يضيفه المضيفون والضيوف.
}
drawer-asks-hosts = يتصل بـ: { $hosts }
drawer-asks = { $what ->
    [files] يرسل ملفات
    [participants] يرى من هو حاضر
    [fetch] يسأل هذه العناوين عبر الخادم
    [documents] نصوص يكتبها عدة أشخاص معًا
    [python] يشغّل برنامجًا على الخادم
   *[streams] يرسل بيانات مباشرة
}
drawer-failed = تتعذّر قراءة قائمة التطبيقات. تحقق من اتصالك، ثم افتحها مرة أخرى.
drawer-list-failed = تتعذّر قراءة قائمة التطبيقات.
drawer-none = لا توجد تطبيقات على هذا الخادم.

half-down = برنامج { $app } لا يعمل: { $why }
half-failed = { $failures ->
    [zero] برنامج { $app } لا يعمل. { $why }
    [one] تعطّل برنامج { $app } مرة واحدة. { $why }
    [two] تعطّل برنامج { $app } مرتين. { $why }
    [few] تعطّل برنامج { $app } { $failures } مرات. { $why }
    [many] تعطّل برنامج { $app } { $failures } مرة. { $why }
   *[other] تعطّل برنامج { $app } { $failures } مرة. { $why }
}
half-failed-again = { $failures ->
    [zero] برنامج { $app } لا يعمل. المحاولة التالية: { $time }. { $why }
    [one] تعطّل برنامج { $app } مرة واحدة. المحاولة التالية: { $time }. { $why }
    [two] تعطّل برنامج { $app } مرتين. المحاولة التالية: { $time }. { $why }
    [few] تعطّل برنامج { $app } { $failures } مرات. المحاولة التالية: { $time }. { $why }
    [many] تعطّل برنامج { $app } { $failures } مرة. المحاولة التالية: { $time }. { $why }
   *[other] تعطّل برنامج { $app } { $failures } مرة. المحاولة التالية: { $time }. { $why }
}
half-name = { $app }، «{ $title }»
half-dismiss = عدم عرض هذا

### People

people-in-the-call = في المكالمة ({ $count })
people-manage = إدارة { $name }
people-program = برنامج تابع لتطبيق
people-tabs = { $count ->
    [zero] بلا علامات تبويب
    [one] علامة تبويب واحدة
    [two] علامتا تبويب
    [few] { $count } علامات تبويب
    [many] { $count } علامة تبويب
   *[other] { $count } علامة تبويب
}
people-commands = ما يمكنك فعله بشأن { $name }
people-make = { $role ->
    [host] جعله مضيفًا
    [observer] جعله مراقبًا
   *[guest] جعله ضيفًا
}
people-mute = كتم صوت { $name }
people-mute-off = ميكروفون { $name } متوقف
people-mute-others = كتم صوت البقية
muted-by = أوقف { $name } الميكروفون لديك. يمكنك تشغيله من جديد.
muted = أوقف أحد المضيفين الميكروفون لديك. يمكنك تشغيله من جديد.
people-hand-over = تسليم…
people-hand-over-sure = هل تريد تسليم دور المضيف إلى { $name }؟
people-hand-over-words = سيتولى { $name } دور المضيف، وتصبح أنت ضيفًا. لا يعيدك مضيفًا إلا مضيف آخر.
people-hand-over-no = البقاء مضيفًا
people-hand-over-yes = تسليم
people-remove = إخراج…
people-remove-sure = هل تريد إخراج { $name } من المكالمة؟
people-remove-words = سيغادر هذا الشخص فورًا ولن تعود دعوته صالحة: كي يرجع يحتاج إلى دعوة جديدة، أو إلى أن تسمح له بالعودة من هنا.
people-remove-yes = إخراج
people-ban = حظر…
people-ban-sure = هل تريد حظر { $name }؟
people-ban-words = سيغادر هذا الشخص فورًا. لن تتيح له أي دعوة الدخول مجددًا، إلا إذا سمحت له بالعودة من هنا.
people-ban-yes = حظر
people-keep = إبقاء
people-left = غادروا ({ $count })
people-kept-out = ممنوعون من الدخول ({ $count })
people-removed = تم إخراجه
people-banned = محظور
people-ban-now = حظر
people-ban-name = حظر { $name }
people-let-back = السماح بالعودة
people-let-back-name = السماح بالعودة لـ { $name }
people-the-call = المكالمة
people-export = تنزيل محتوى المكالمة
people-export-words = ملف واحد فيه الدردشة نصًا وجميع التطبيقات بيانات، بقدر ما يُسمح لك بقراءته. إنه يغادر المكالمة: احفظه بالعناية نفسها.
export-chat = دردشة { $call }، { $time }
export-failed = تعذّر إنشاء الملف.
people-end = إنهاء المكالمة للجميع…
people-end-sure = هل تريد إنهاء المكالمة للجميع؟
people-end-words = يغادر الجميع، ولا يدخل أحد حتى ينضم مضيف من جديد. يبقى كل ما في المكالمة محفوظًا.
people-end-no = متابعة
people-end-yes = إنهاء المكالمة
people-area = ينتظر الضيوف السماح بالدخول
people-area-on = تُسأل قبل دخول أي ضيف أو مراقب. إذا أوقفت هذا، دخل كل من ينتظر.
people-area-off = كل من لديه الرابط يدخل فورًا.
people-lock = قفل المكالمة
people-lock-on = لا يدخل أحد جديد سوى المضيفين، مهما كان رابطه. من هو هنا يبقى، ويعود بعد الانقطاع.
people-lock-off = إذا أقفلتها فلن يدخل أحد جديد سوى المضيفين حتى تفتحها من جديد. من هو هنا يبقى.
people-new-role = { $role ->
    [host] أنت مضيف الآن: تسمح للآخرين بالدخول، وتحدد ما يمكنهم فعله.
    [observer] أنت مراقب الآن: ترى كل شيء ولا تغيّر شيئًا.
   *[guest] أنت ضيف الآن.
}

knocks = في انتظار الدخول
knocks-count = في انتظار الدخول ({ $count })
knocks-none = لا أحد ينتظر.
knocks-admit-all = قبول الجميع
knocks-admit = قبول
knocks-admit-name = قبول دخول { $name }
knocks-hold = تأجيل
knocks-hold-name = تأجيل دخول { $name }
knocks-decline = رفض
knocks-decline-name = رفض دخول { $name }
knocks-since = { $role ->
    [host] مضيف، منذ { $time }
    [observer] مراقب، منذ { $time }
   *[guest] ضيف، منذ { $time }
}
knocks-held = طُلب منه الانتظار
knocks-you-said = قلت: «{ $words }»
knocks-ask = اطلب من { $name } الانتظار قليلًا. قل:
knocks-ready-minutes = سأكون معك بعد بضع دقائق.
knocks-ready-next = معي شخص آخر الآن. دورك هو التالي.
knocks-ready-time = سنبدأ في الموعد المتفق عليه. يُرجى البقاء هنا.
knocks-own = أو بكلماتك (يمكنك تركه فارغًا)
knocks-ask-to-wait = طلب الانتظار
knocks-view = عرض
knocking = { $count ->
    [one] { $first } في انتظار الدخول
   *[other] { $others ->
        [zero] { $first } في انتظار الدخول
        [one] { $first } وشخص آخر في انتظار الدخول
        [two] { $first } وشخصان آخران في انتظار الدخول
        [few] { $first } و{ $others } أشخاص آخرين في انتظار الدخول
        [many] { $first } و{ $others } شخصًا آخر في انتظار الدخول
       *[other] { $first } و{ $others } شخص آخر في انتظار الدخول
    }
}
knocking-two = { $first } و{ $second } في انتظار الدخول

### Talking without a microphone

chat = الدردشة
chat-unread = { $count } غير مقروءة
chat-messages = الرسائل
chat-empty = لم يكتب أحد بعد. ما يُكتب هنا يبقى مع المكالمة، ويقرؤه أيضًا من ينضم لاحقًا.
chat-may-read = يمكنك القراءة دون الكتابة.
chat-write = اكتب إلى الجميع
chat-send = إرسال
chat-claimed = شخص سمّى نفسه «{ $name }»
chat-news = { $name }: { $text }
react = تفاعل
react-with = التفاعل بـ { $emoji }
reaction-of = تفاعل من { $name }: { $emoji }
hand-raise = رفع اليد
hand-lower = خفض اليد
hand-of = رفع { $name } يده

### Leaving

leave = مغادرة
leave-title = مغادرة المكالمة
leave-sure = هل تريد مغادرة المكالمة؟
leave-only-host = أنت المضيف الوحيد: لا يمكن السماح لأحد بالدخول حتى يأتي مضيف. يبقى الآخرون في المكالمة.
leave-heir = تعيين شخص آخر مضيفًا أولًا
leave-hand-over = تسليم ومغادرة
leave-end = إنهاء للجميع

over-ask-again = الطلب مجددًا
over-join-again = الانضمام مجددًا
over-apps = بعد المكالمة
over-apps-words = هكذا كان الحال في النهاية. يمكن قراءته، ولم يعد تغييره ممكنًا.
over-declined = لم يُسمح لك بالدخول
over-declined-words = إذا كان حضورك متوقعًا، فأخبر من دعاك، ثم اطلب الدخول مجددًا.
over-removed = لم تعد في هذه المكالمة
over-removed-words = لم تعد دعوتك صالحة. إذا كان هذا خطأ، فاتصل بمن دعاك أو اكتب إليه، وأعد المحاولة عندما يسمح لك أحد المضيفين بالعودة.
over-kept-out-words = لم يسمح لك أي مضيف بالعودة بعد. اتصل بمن دعاك أو اكتب إليه، وأعد المحاولة عندما يُسمح لك بذلك.
over-ended = انتهت المكالمة
over-ended-by-me = لقد أنهيتها للجميع. يبقى كل ما فيها محفوظًا، وتُفتح من جديد حين ينضم مضيف.
over-ended-words = إذا لم تكن تتوقع ذلك، فاسأل من دعاك.
over-left = غادرت المكالمة
over-left-words = يبقى كل ما فيها كما هو. يمكنك إغلاق علامة التبويب هذه، أو العودة.
over-replaced = انضممت مجددًا من مكان آخر، لذلك غادرت علامة التبويب هذه المكالمة.
over-broken = لم يتمكن الخادم من فهم هذه الصفحة. انضم مجددًا؛ وإذا تكرر ذلك، فأخبر من يدير الخادم.
over-unauthorized = انقطعت مدة طويلة، أو لم تعد دعوتك صالحة. انضم مجددًا.
over-too-fast = وصل من هنا كثير في وقت واحد. يمكنك الانضمام مجددًا بعد دقيقة.
over-storage-failed = لا يستطيع الخادم حفظ هذه المكالمة الآن. يمكنك الانضمام مجددًا بعد دقيقة.
over-why = انتهت المكالمة هنا: { $why }. يمكنك الانضمام مجددًا.
over-why-alone = انتهت المكالمة هنا: { $why }.

problem-timed-out = لم يرد الخادم بعد. سيُنفَّذ ذلك حين يعود اتصالك.
problem-last-host = أنت المضيف الوحيد هنا: عيّن شخصًا آخر مضيفًا أولًا.
problem-nobody = لم يعد هذا الشخص هنا.
problem-full = لا يوجد متسع: يجب إزالة شيء أولًا.
problem-read-only = لا يستطيع الخادم الحفظ الآن. ما حُفظ من قبل في أمان.
problem-no-resource = لم يعد هذا في المكالمة، أو أُخفي عنك.
problem-no-app = هذا التطبيق غير موجود على هذا الخادم.
problem-clock = ساعة هذا الجهاز متقدمة. اضبطها على الوقت الصحيح.
problem-outdated = توجد نسخة أحدث من هذا التطبيق. أعد تحميله.
problem-too-fast = كان هذا كثيرًا في وقت واحد. انتظر لحظة وحاول مرة أخرى.
problem-too-large = هذا كبير جدًا.
problem-denied = هذا غير مسموح به هنا.
problem-command-timed-out = لم يرد الخادم. تحقق مما إذا نُفِّذ ذلك، وحاول مرة أخرى إن لم يُنفَّذ.

### لوحة الفحص، للمضيفين

inspector = لوحة الفحص
inspector-as = كما يراها { $name }
inspector-close = إغلاق لوحة الفحص
inspector-failed = تعذّر تحميل لوحة الفحص. تحقق من اتصالك، ثم افتحها مرة أخرى.
inspector-resource = المورد
inspector-keys = المفاتيح
inspector-size = الحجم
inspector-writes = إدخالات/ث
inspector-writes-title = الإدخالات التي وصلت من الخادم خلال آخر 5 ثوانٍ
inspector-call = المكالمة نفسها
inspector-hub = الخادم
inspector-state = الحالة
inspector-version = الحالة، الإصدار { $version }
inspector-find = البحث عن مفاتيح
inspector-no-keys = لا توجد مفاتيح.
inspector-none-found = لا يوجد مفتاح يتضمن هذا.
inspector-more = { $count ->
    [zero] لا مفاتيح أخرى.
    [one] مفتاح آخر: ابحث عنه باسمه.
    [two] مفتاحان آخران: ابحث عنهما بالاسم.
    [few] { $count } مفاتيح أخرى: ابحث عنها بأسمائها.
    [many] { $count } مفتاحًا آخر: ابحث عنها بأسمائها.
   *[other] { $count } مفتاح آخر: ابحث عنها بأسمائها.
}
inspector-presence = الحضور
inspector-presence-of = { $title }، الحضور
inspector-no-presence = لا أحد يعرض شيئًا الآن.
inspector-streams = التدفقات
inspector-no-streams = لا يوجد تدفق مفتوح هنا.
inspector-with = مع
inspector-path = المسار
inspector-not-read = لا يقرأ
inspector-out = صادر/ث
inspector-out-title = الرسائل الصادرة في الثانية، والبايتات
inspector-in = وارد/ث
inspector-in-title = الرسائل الواردة في الثانية، والبايتات
inspector-rate = { $rate } في الثانية، { $all } إجمالًا
inspector-lost = المفقود
inspector-lost-title = في وضع latest: نسبة ما أُرسل ولم يصل في الوقت المناسب، وعدد ما فُقد من الوارد. في وضع reliable: عدد مرات الفقد
inspector-lost-in = { $share } ({ $count } وارد)
inspector-waits = ينتظر
inspector-waits-title = بايتات لا يُعرف هل وصلت
inspector-denied = عمليات الكتابة المرفوضة
inspector-no-denied = لا شيء منذ فتح هذه اللوحة.
inspector-denied-in = في { $where }
