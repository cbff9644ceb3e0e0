# The call page in Spanish, “usted”; en.ftl says what there is to say. $why, which is English, is left out where it can be.

### Everywhere

role = { $role ->
    [host] anfitrión
    [observer] observador
   *[guest] invitado
}
close = Cerrar
dismiss = Descartar
not-now = Ahora no
try-again = Reintentar
loading = Cargando…
language = Idioma

### Arriving

lobby-document = Unirse a { $call }
lobby-join-the-call = Unirse a la llamada
lobby-name = Su nombre
lobby-name-hint = Así le verán los demás
lobby-name-rule = Al menos un carácter visible
lobby-join = Unirse
lobby-joining = Uniéndose…
lobby-as-token = Su enlace indica con qué función se une.
lobby-as = { $role ->
    [host] Se une como anfitrión.
    [observer] Se une como observador: lo ve todo y no cambia nada.
   *[guest] Se une como invitado.
}
lobby-strange-role = Este enlace es para la función «{ $role }», que no existe. Pida el enlace otra vez.
lobby-preview = Su cámara y su micrófono
lobby-camera-starting = Iniciando su cámara…

device = { $device ->
    [camera] Cámara
    [speaker] Altavoz
   *[microphone] Micrófono
}
device-is-on = { $device ->
    [camera] La cámara está activada
   *[microphone] El micrófono está activado
}
device-is-off = { $device ->
    [camera] La cámara está desactivada
   *[microphone] El micrófono está desactivado
}
device-refused = { $device ->
    [camera] Esta página no puede usar su cámara. Pulse el icono al principio de la barra de direcciones, permita allí la cámara y pulse otra vez aquí el botón de la cámara.
   *[microphone] Esta página no puede usar su micrófono. Pulse el icono al principio de la barra de direcciones, permita allí el micrófono y pulse otra vez aquí el botón del micrófono.
}
device-none = { $device ->
    [camera] No se ha encontrado ninguna cámara. La llamada funciona sin ella.
   *[microphone] No se ha encontrado ningún micrófono. La llamada funciona sin él.
}
device-failed = { $device ->
    [camera] No se ha podido iniciar su cámara. Desconéctela y vuelva a conectarla, o elija otra.
   *[microphone] No se ha podido iniciar su micrófono. Desconéctelo y vuelva a conectarlo, o elija otro.
}
device-insecure = { $device ->
    [camera] El navegador no permite usar la cámara en páginas sin https. La llamada funciona sin ella.
   *[microphone] El navegador no permite usar el micrófono en páginas sin https. La llamada funciona sin él.
}
device-is-paused = La cámara vuelve cuando deje de mostrar su pantalla
device-blocked = { $device ->
    [camera] Su sistema no permite a este navegador usar la cámara. Permítalo en los ajustes de privacidad del sistema y luego actívela aquí.
   *[microphone] Su sistema no permite a este navegador usar el micrófono. Permítalo en los ajustes de privacidad del sistema y luego actívelo aquí.
}
device-busy = { $device ->
    [camera] Otro programa está usando su cámara. Cierre ese programa o elija otra cámara y luego actívela aquí.
   *[microphone] Otro programa está usando su micrófono. Cierre ese programa o elija otro micrófono y luego actívelo aquí.
}
device-gone = { $device ->
    [camera] «{ $label }» no está conectado. En su lugar se usa la cámara del sistema.
    [speaker] «{ $label }» no está conectado. En su lugar se usa el altavoz del sistema.
   *[microphone] «{ $label }» no está conectado. En su lugar se usa el micrófono del sistema.
}
device-numbered = { $device ->
    [camera] Cámara { $number }
    [speaker] Altavoz { $number }
   *[microphone] Micrófono { $number }
}
settings = Ajustes
settings-title = Cámara, micrófono, altavoz e idioma
devices-check = Elegir y probar los dispositivos
devices-default = Predeterminado del sistema
level = Nivel de su micrófono
level-off = Active el micrófono para probarlo.
level-listening = Diga algo: la barra se mueve.
level-heard = Su micrófono le oye.
level-silent = No se oye nada. Elija otro micrófono o compruebe si tiene un interruptor apagado.
speaker-test = Reproducir un sonido
speaker-played = ¿Lo ha oído? Si no, suba el volumen o elija otro altavoz.
speaker-by-system = Este navegador usa el altavoz configurado en su sistema.
blur = Desenfocar mi fondo
save-power = Ahorrar energía
save-power-words = Para un dispositivo modesto o una conexión lenta: menos imágenes y más pequeñas, menos movimiento y menos aplicaciones abiertas.

join-bad-name = Este nombre o este enlace no se puede usar. Revise su nombre o pida el enlace otra vez.
join-no-such-call = Esta llamada no existe aquí. Pida el enlace otra vez.
join-refused = Este enlace no le permite entrar. Pida uno nuevo a quien le invitó.
join-unauthorized = { $link ->
    [none] A esta llamada se entra con una invitación. Abra el enlace completo o pida uno al anfitrión.
    [cut] Este enlace no está completo. Abra el enlace completo o pida uno nuevo.
    [elsewhere] Este enlace es para otra llamada. Pida el enlace de esta.
    [late] Este enlace ha caducado. Pida uno nuevo a quien le invitó.
   *[other] Su enlace no es válido o ya no lo es. Pida uno nuevo a quien le invitó.
}
join-too-fast = La llamada está llena o han entrado demasiadas personas a la vez. Inténtelo de nuevo dentro de un minuto.
join-broken = No se puede acceder a la llamada. Revise su conexión e inténtelo de nuevo.
join-restarting = El servidor se está reiniciando. Inténtelo de nuevo en unos segundos.
join-storage-failed = El servidor no puede leer esta llamada en este momento. Inténtelo de nuevo dentro de un minuto.
join-failed = No se ha podido entrar: { $why }. Inténtelo de nuevo o vuelva a cargar la página.

### Waiting to be let in

waiting-document = En espera · { $call }
waiting-title = Esperando para entrar
waiting-as = Ha pedido entrar como { $name }. Deje esta página abierta: la llamada empezará aquí.
waiting-stop = Dejar de esperar
waiting-lost = Se ha perdido la conexión. Reconectando… Después seguirá esperando sin tener que hacer nada.
waiting-seen-soon = Los anfitriones de esta llamada verán que está esperando en cuanto lleguen. Entrará cuando uno de ellos le dé paso.
waiting-held = Un anfitrión le ha visto y le pide que espere un poco más.
waiting-host-says = El anfitrión dice:
waiting-locked = Esta llamada está bloqueada
waiting-locked-words = Un anfitrión ha bloqueado la llamada: por ahora no entra nadie nuevo. Deje abierta esta página: le avisará en cuanto la llamada vuelva a abrirse.
waiting-opened = La llamada vuelve a estar abierta: ya está dentro.
waiting-apps = Mientras espera
waiting-apps-words = Nadie lo verá hasta que le dejen entrar. Entonces lo verán las personas de la llamada.

### The call

call-document = { $call } · llamada
call-document-waiting = ({ $count }) { $call } · llamada
controls = Cámara, micrófono, apps y personas
apps = Apps
people = Personas
people-waiting = { $count } en espera
invite = Invitar
invite-title = Copiar un enlace para otra persona
invite-copied = Enlace copiado. Envíelo a quien deba unirse.
invite-link = Envíe este enlace a quien deba unirse: { $link }

status-saved = Guardado
status-saved-title = Todo lo que ha hecho aquí está en el disco del servidor
status-saving = Guardando…
status-saving-title = Sus últimos cambios van camino del disco del servidor
status-offline = Reconectando…
status-offline-title = Se ha perdido la conexión. Lo que haga ahora se conserva y se enviará en cuanto vuelva a conectarse
status-away = { $others ->
    [one] Reconectando… con otra persona
   *[other] Reconectando… con otras { $others }
}
status-away-title = { $others ->
    [one] El servidor no está disponible. Usted y otra persona siguen conectados entre sí. Lo que haga se conserva y se enviará en cuanto vuelva el servidor
   *[other] El servidor no está disponible. Usted y otras { $others } personas siguen conectados entre sí. Lo que haga se conserva y se enviará en cuanto vuelva el servidor
}
status-read-only = Solo lectura
status-read-only-title = El servidor no puede guardar en este momento. Lo guardado está a salvo; no se puede cambiar nada hasta que vuelva a guardar
status-connected = Conectado
locked = Bloqueada
locked-title = Un anfitrión ha bloqueado la llamada: no entra nadie nuevo

participants = Participantes
you = usted
away = ausente
away-title = Se ha perdido la conexión; es posible que vuelva
microphone-off = micrófono desactivado
camera-off = cámara desactivada
picture-saved = sin imagen, para ahorrar energía
speaks = habla
floating = Mantener la imagen de { $name } sobre las demás ventanas
path = { $path ->
    [direct] directa
    [relay] vía servidor
    [server] vía servidor
    [poor] mala conexión
   *[connecting] conectando…
}
path-of = { $path ->
    [direct] Conexión directa con { $name }
    [relay] Conexión con { $name } a través del servidor
    [server] { $name } está conectado a través de un servidor de retransmisión
    [poor] La conexión con { $name } es mala: el sonido y la imagen pueden fallar
   *[connecting] Conectando con { $name }…
}
path-words = { $path ->
    [direct] conexión directa
    [relay] conexión a través del servidor
   *[connecting] conectando…
}
media-cut = No llegan ni sonido ni imagen
screen = Pantalla
screen-title = Mostrar su pantalla a todos, en lugar de su cámara
screen-own = Todos ven su pantalla.
screen-stop = Dejar de mostrarla
screen-of = { $name } muestra su pantalla
screen-watch = Ver la pantalla
screen-leave = Hacerla pequeña
screen-full = Mostrar en toda la pantalla
screen-coming = La pantalla de { $name } está en camino…
screen-unreachable = No llega imagen de { $name }: no hay un camino directo entre sus redes.
screen-failed = No se ha podido mostrar su pantalla. Inténtelo de nuevo o elija una ventana en lugar de toda la pantalla.
screen-blocked = Su sistema no permite a este navegador ver la pantalla. Permita la grabación de pantalla en los ajustes de privacidad del sistema e inténtelo de nuevo.

### The stage

stage = Escenario
stage-tabs = Lo que hay en la llamada
stage-everybody-sees-this = Todos ven esto
stage-everybody-sees-this-too = , todos ven esto
stage-hosts-see-this = Solo los anfitriones ven esto
stage-only-you = Solo usted ve esto. Todos ven «{ $title }».
stage-only-you-and-nothing = Solo usted ve esto. No se muestra nada a todos.
stage-may-look = Puede mirar, pero no cambiar nada.
stage-back = Volver
stage-back-to = Volver a lo que todos ven
stage-show = Mostrar a todos
stage-full-screen = Mostrar el escenario a pantalla completa
stage-full-screen-end = Salir de la pantalla completa
stage-inspect = Inspeccionar
stage-inspect-title = Inspeccionar: estado, presencia, flujos, escrituras denegadas y lo que cuesta cada recurso
stage-remove = Quitar { $title }
removed = Se ha quitado «{ $title }».
removed-by = { $name } ha quitado «{ $title }».
removed-by-you = Ha quitado «{ $title }» para todos.
removed-undo = Deshacer
removed-undo-title = Recuperar «{ $title }» con todo su contenido
stage-others = Lo que los demás pueden hacer con { $title }
stage-others-edit = Otros pueden editar
stage-others-view = Otros pueden mirar
stage-others-hidden = Oculto para otros
access = Quién puede hacer qué con «{ $title }»
access-of = Lo que { $name } puede hacer con «{ $title }»
access-all-edit = Los demás pueden editarlo y los observadores mirarlo, salvo que aquí se indique otra cosa. Los anfitriones siempre pueden editar.
access-all-view = Los demás pueden mirarlo, salvo que aquí se indique otra cosa. Los anfitriones siempre pueden editar.
access-all-hidden = Está oculto para los demás, salvo que aquí se indique otra cosa. Los anfitriones siempre pueden editar.
access-as-all = Como los demás
access-edit = Puede editar
access-view = Puede mirar
access-hidden = No lo ve
access-nobody = Solo hay anfitriones. Quien llegue después aparecerá en esta lista.
access-not-here = no está
access-somebody = alguien que ha salido
access-exceptions = { $count ->
    [one] una excepción
   *[other] { $count } excepciones
}
stage-for-waiting = En la sala de espera
stage-for-waiting-title = Quien espera para entrar lo rellena mientras tanto; lo que escriba entrará en la llamada con él.
stage-empty = Este es el escenario
stage-empty-words = Lo que ponga aquí lo verán y lo usarán juntos todos los de la llamada.
stage-empty-wait = Lo que otros pongan aquí le aparecerá a usted.
stage-nothing-shown = No se muestra nada a todos
stage-nothing-shown-words = Elija una pestaña arriba para ver algo y, si quiere, muéstrelo a todos.
stage-add = Añadir una app
stage-hidden = «{ $title }» está oculto
stage-hidden-words = Un anfitrión se lo ha ocultado. Volverá a aparecer aquí cuando se le muestre de nuevo.
stage-hidden-note = Un anfitrión le ha ocultado «{ $title }».

app-starting = Iniciando «{ $title }»…
app-newer = Hay una versión más reciente de «{ $title }». Hasta que la cargue, puede mirar, pero no cambiar nada.
app-load-newer = Cargar
app-missing = Este servidor ya no tiene la app «{ $app }». Su contenido se conserva.
app-late = «{ $title }» no se ha iniciado. Su autor puede ver el motivo en la consola del navegador.
app-elsewhere = «{ $title }» quiso ir a otra página, lo que las apps no pueden hacer. Lo que contiene se conserva; la llamada continúa.
app-hangs = «{ $title }» ya no responde. Lo que contiene se conserva.
app-start-again = Reiniciar
app-stopped = «{ $title }» se ha detenido: hizo algo que una app no puede hacer. La llamada continúa.
app-stopped-itself = «{ $title }» se ha detenido: { $why }. Reiníciela para intentarlo de nuevo; la llamada continúa.

drawer-words = La app que usted añada se mostrará a todos los de la llamada.
drawer-search = Buscar aplicaciones
drawer-none-found = Ninguna aplicación tiene «{ $wanted }» en el nombre o la descripción.
drawer-add = Añadir
drawer-adding = Añadiendo…
drawer-add-app = Añadir { $app }
drawer-who-adds = { $roles ->
    [host] La añaden los anfitriones.
    [guest] La añaden los invitados.
   *[both] La añaden los anfitriones y los invitados.
}
drawer-asks-hosts = Se conecta con: { $hosts }
drawer-asks = { $what ->
    [files] Envía archivos
    [participants] Ve quién está
    [fetch] Consulta esas direcciones a través del servidor
    [documents] Textos que varios escriben a la vez
    [python] Ejecuta un programa en el servidor
   *[streams] Envía datos en directo
}
drawer-failed = No se puede leer la lista de apps. Revise su conexión y vuelva a abrir esto.
drawer-list-failed = No se puede leer la lista de apps.
drawer-none = Este servidor no tiene apps.

half-down = El programa de { $app } no funciona: { $why }
half-failed = { $failures ->
    [one] El programa de { $app } ha fallado una vez. { $why }
   *[other] El programa de { $app } ha fallado { $failures } veces. { $why }
}
half-failed-again = { $failures ->
    [one] El programa de { $app } ha fallado una vez. Próximo intento: { $time }. { $why }
   *[other] El programa de { $app } ha fallado { $failures } veces. Próximo intento: { $time }. { $why }
}
half-name = { $app }, «{ $title }»
half-dismiss = No mostrar esto

### People

people-in-the-call = En la llamada ({ $count })
people-manage = Gestionar a { $name }
people-program = programa de una app
people-tabs = { $count ->
    [one] { $count } pestaña
   *[other] { $count } pestañas
}
people-commands = Lo que puede hacer con { $name }
people-make = { $role ->
    [host] Hacer anfitrión
    [observer] Hacer observador
   *[guest] Hacer invitado
}
people-mute = Silenciar a { $name }
people-mute-off = El micrófono de { $name } está desactivado
people-mute-others = Silenciar a los demás
muted-by = { $name } ha silenciado su micrófono. Puede volver a activarlo.
muted = Un anfitrión ha silenciado su micrófono. Puede volver a activarlo.
people-hand-over = Ceder…
people-hand-over-sure = ¿Ceder la función de anfitrión a { $name }?
people-hand-over-words = { $name } pasará a ser anfitrión, y usted, invitado. Solo un anfitrión puede devolverle la función.
people-hand-over-no = Seguir de anfitrión
people-hand-over-yes = Ceder
people-remove = Expulsar…
people-remove-sure = ¿Expulsar a { $name } de la llamada?
people-remove-words = Saldrá de inmediato. Su invitación dejará de valer: para volver necesitará una nueva, o que usted le deje volver aquí.
people-remove-yes = Expulsar
people-ban = Vetar…
people-ban-sure = ¿Vetar a { $name }?
people-ban-words = Saldrá de inmediato. Ninguna invitación le permitirá entrar de nuevo, salvo que usted le deje volver aquí.
people-ban-yes = Vetar
people-keep = Dejar que siga
people-left = Han salido ({ $count })
people-kept-out = Sin acceso ({ $count })
people-removed = expulsado
people-banned = vetado
people-ban-now = Vetar
people-ban-name = Vetar a { $name }
people-let-back = Dejar volver
people-let-back-name = Dejar volver a { $name }
people-the-call = La llamada
people-export = Descargar el contenido de la llamada
people-export-words = Un archivo con el chat como texto y todas las aplicaciones como datos, hasta donde usted puede leerlos. Sale de la llamada: guárdelo con el mismo cuidado.
export-chat = Chat de { $call }, { $time }
export-failed = No se ha podido crear el archivo.
people-end = Terminar la llamada para todos…
people-end-sure = ¿Terminar la llamada para todos?
people-end-words = Todos saldrán y nadie entrará hasta que un anfitrión vuelva a unirse. Todo lo que hay en la llamada se conserva.
people-end-no = Continuar
people-end-yes = Terminar la llamada
people-area = Los invitados esperan para entrar
people-area-on = Se le pregunta antes de que entre un invitado o un observador. Si lo desactiva, entrarán quienes estén esperando.
people-area-off = Quien tenga el enlace entra de inmediato.
people-lock = Bloquear la llamada
people-lock-on = No entra nadie nuevo salvo anfitriones, diga lo que diga su enlace. Quien está aquí se queda, y vuelve tras un corte.
people-lock-off = Si la bloquea, no entra nadie nuevo salvo anfitriones hasta que vuelva a abrirla. Quien está aquí se queda.
people-new-role = { $role ->
    [host] Ahora es anfitrión: deja entrar a otras personas y decide qué pueden hacer los demás.
    [observer] Ahora es observador: lo ve todo y no cambia nada.
   *[guest] Ahora es invitado.
}

knocks = Esperan para entrar
knocks-count = Esperan para entrar ({ $count })
knocks-none = Nadie espera.
knocks-admit-all = Admitir a todos
knocks-admit = Admitir
knocks-admit-name = Admitir a { $name }
knocks-hold = En espera
knocks-hold-name = Poner en espera a { $name }
knocks-decline = Rechazar
knocks-decline-name = Rechazar a { $name }
knocks-since = { $role ->
    [host] anfitrión, desde las { $time }
    [observer] observador, desde las { $time }
   *[guest] invitado, desde las { $time }
}
knocks-held = se le pidió esperar
knocks-you-said = Usted dijo: «{ $words }»
knocks-ask = Pida a { $name } que espere un poco más. Diga:
knocks-ready-minutes = Le atenderé en unos minutos.
knocks-ready-next = Estoy con otra persona. Después le toca a usted.
knocks-ready-time = Empezaremos a la hora acordada. Por favor, quédese aquí.
knocks-own = O con sus propias palabras (puede dejarlo vacío)
knocks-ask-to-wait = Pedir que espere
knocks-view = Ver
knocking = { $count ->
    [one] { $first } espera para entrar
   *[other] { $first } y { $others } más esperan para entrar
}
knocking-two = { $first } y { $second } esperan para entrar

### Talking without a microphone

chat = Chat
chat-unread = { $count } sin leer
chat-messages = Mensajes
chat-empty = Nadie ha escrito todavía. Lo que se escribe aquí se queda en la llamada; quien llegue después también lo lee.
chat-may-read = Usted puede leer, pero no escribir.
chat-write = Escribir a todos
chat-send = Enviar
chat-claimed = alguien que dijo llamarse «{ $name }»
chat-news = { $name }: { $text }
react = Reaccionar
react-with = Reaccionar con { $emoji }
reaction-of = { $name } reacciona con { $emoji }
hand-raise = Levantar la mano
hand-lower = Bajar la mano
hand-of = { $name } ha levantado la mano

### Leaving

leave = Salir
leave-title = Salir de la llamada
leave-sure = ¿Salir de la llamada?
leave-only-host = Usted es el único anfitrión: nadie podrá entrar hasta que venga un anfitrión. Los demás seguirán en la llamada.
leave-heir = Nombrar antes anfitrión a otra persona
leave-hand-over = Ceder y salir
leave-end = Terminar para todos

over-ask-again = Pedir de nuevo
over-join-again = Volver a unirse
over-apps = Después de la llamada
over-apps-words = Así quedó al final. Se puede leer, pero ya no cambiar.
over-declined = No se le ha dejado entrar
over-declined-words = Si le esperaban, avise a quien le invitó y vuelva a pedir entrar.
over-removed = Ya no está en esta llamada
over-removed-words = Su invitación ya no es válida. Si es un error, llame o escriba a quien le invitó: cuando un anfitrión le deje volver, inténtelo de nuevo.
over-kept-out-words = Ningún anfitrión le ha dejado volver todavía. Llame o escriba a quien le invitó e inténtelo de nuevo cuando lo haya hecho.
over-ended = La llamada ha terminado
over-ended-by-me = Usted la ha terminado para todos. Todo lo que hay en ella se conserva, y se abrirá de nuevo cuando se una un anfitrión.
over-ended-words = Si no lo esperaba, pregunte a quien le invitó.
over-left = Ha salido de la llamada
over-left-words = Todo lo que hay en ella queda como está. Puede cerrar esta pestaña o volver.
over-replaced = Se ha unido de nuevo desde otro lugar, por eso esta pestaña ha salido de la llamada.
over-broken = El servidor no ha podido entender esta página. Vuelva a unirse; si ocurre otra vez, avise a quien administra el servidor.
over-unauthorized = Ha estado desconectado demasiado tiempo, o su invitación ya no es válida. Vuelva a unirse.
over-too-fast = Desde aquí llegó demasiado a la vez. Puede volver a unirse dentro de un minuto.
over-storage-failed = El servidor no puede guardar esta llamada en este momento. Puede volver a unirse dentro de un minuto.
over-why = La llamada ha terminado aquí: { $why }. Puede volver a unirse.
over-why-alone = La llamada ha terminado aquí: { $why }.

problem-timed-out = El servidor aún no ha respondido. Se hará en cuanto vuelva a conectarse.
problem-last-host = Usted es el único anfitrión aquí: primero nombre anfitrión a otra persona.
problem-nobody = Esta persona ya no está.
problem-full = No queda sitio: primero hay que quitar algo.
problem-read-only = El servidor no puede guardar en este momento. Lo que ya estaba guardado está a salvo.
problem-no-resource = Eso ya no está en la llamada, o se le ha ocultado.
problem-no-app = Este servidor no tiene esa aplicación.
problem-clock = El reloj de este dispositivo va adelantado. Póngalo en hora.
problem-outdated = Hay una versión más nueva de esta aplicación. Vuelva a cargarla.
problem-too-fast = Ha sido demasiado a la vez. Espere un momento e inténtelo de nuevo.
problem-too-large = Es demasiado grande.
problem-denied = Eso no está permitido aquí.
problem-command-timed-out = El servidor no ha respondido. Compruebe si se ha hecho y, si no, inténtelo de nuevo.

### El inspector, para los anfitriones

inspector = Inspector
inspector-as = tal como lo ve { $name }
inspector-close = Cerrar el inspector
inspector-failed = No se puede cargar el inspector. Revise su conexión y vuelva a abrirlo.
inspector-resource = Recurso
inspector-keys = Claves
inspector-size = Tamaño
inspector-writes = Entradas/s
inspector-writes-title = Entradas que llegaron del servidor en los últimos 5 segundos
inspector-call = La propia llamada
inspector-hub = el servidor
inspector-state = Estado
inspector-version = Estado, versión { $version }
inspector-find = Buscar claves
inspector-no-keys = No hay claves.
inspector-none-found = Ninguna clave contiene esto.
inspector-more = { $count ->
    [one] Una clave más: búsquela por su nombre.
   *[other] { $count } claves más: búsquelas por su nombre.
}
inspector-presence = Presencia
inspector-presence-of = { $title }, presencia
inspector-no-presence = Nadie muestra nada ahora.
inspector-streams = Flujos
inspector-no-streams = Aquí no hay ninguno abierto.
inspector-with = Con
inspector-path = Vía
inspector-not-read = no lee
inspector-out = Sal./s
inspector-out-title = Mensajes enviados por segundo, y bytes
inspector-in = Entr./s
inspector-in-title = Mensajes recibidos por segundo, y bytes
inspector-rate = { $rate } por segundo, { $all } en total
inspector-lost = Perdido
inspector-lost-title = Modo latest: la parte de lo enviado que no llegó a tiempo y, de lo recibido, cuántos faltaron. Modo reliable: cuántas veces se perdió algo
inspector-lost-in = { $share } ({ $count } entr.)
inspector-waits = Espera
inspector-waits-title = Bytes de los que no se sabe si han llegado
inspector-denied = Escrituras denegadas
inspector-no-denied = Ninguna desde que se abrió esto.
inspector-denied-in = en { $where }
