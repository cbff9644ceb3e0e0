# The call page in German, “Sie”; en.ftl says what there is to say. $why, which is English, is left out where it can be.

### Everywhere

role = { $role ->
    [host] Leitung
    [observer] Beobachter:in
   *[guest] Gast
}
close = Schließen
dismiss = Ausblenden
not-now = Jetzt nicht
try-again = Erneut versuchen
loading = Wird geladen…
language = Sprache

### Arriving

lobby-document = { $call } beitreten
lobby-join-the-call = Dem Gespräch beitreten
lobby-name = Ihr Name
lobby-name-hint = So sehen andere Sie
lobby-name-rule = Mindestens ein sichtbares Zeichen
lobby-join = Beitreten
lobby-joining = Beitritt läuft…
lobby-as-token = Ihr Link legt fest, in welcher Rolle Sie beitreten.
lobby-as = { $role ->
    [host] Sie treten als Leitung bei.
    [observer] Sie treten als Beobachter:in bei: Sie sehen alles und ändern nichts.
   *[guest] Sie treten als Gast bei.
}
lobby-strange-role = Dieser Link ist für die Rolle „{ $role }“, die es nicht gibt. Bitten Sie noch einmal um den Link.
lobby-preview = Ihre Kamera und Ihr Mikrofon
lobby-camera-starting = Ihre Kamera wird gestartet…

device = { $device ->
    [camera] Kamera
    [speaker] Lautsprecher
   *[microphone] Mikrofon
}
device-is-on = { $device ->
    [camera] Kamera ist an
   *[microphone] Mikrofon ist an
}
device-is-off = { $device ->
    [camera] Kamera ist aus
   *[microphone] Mikrofon ist aus
}
device-refused = { $device ->
    [camera] Diese Seite darf Ihre Kamera nicht benutzen. Klicken Sie auf das Symbol am Anfang der Adresszeile, erlauben Sie dort die Kamera und drücken Sie dann hier noch einmal auf „Kamera“.
   *[microphone] Diese Seite darf Ihr Mikrofon nicht benutzen. Klicken Sie auf das Symbol am Anfang der Adresszeile, erlauben Sie dort das Mikrofon und drücken Sie dann hier noch einmal auf „Mikrofon“.
}
device-none = { $device ->
    [camera] Es wurde keine Kamera gefunden. Das Gespräch geht auch ohne.
   *[microphone] Es wurde kein Mikrofon gefunden. Das Gespräch geht auch ohne.
}
device-failed = { $device ->
    [camera] Ihre Kamera ließ sich nicht starten. Ziehen Sie sie ab und stecken Sie sie wieder an, oder wählen Sie eine andere.
   *[microphone] Ihr Mikrofon ließ sich nicht starten. Ziehen Sie es ab und stecken Sie es wieder an, oder wählen Sie ein anderes.
}
device-insecure = { $device ->
    [camera] Der Browser gibt Seiten ohne https keine Kamera. Das Gespräch geht auch ohne.
   *[microphone] Der Browser gibt Seiten ohne https kein Mikrofon. Das Gespräch geht auch ohne.
}
device-is-paused = Die Kamera kommt zurück, wenn Sie Ihren Bildschirm nicht mehr zeigen
device-blocked = { $device ->
    [camera] Ihr System lässt diesen Browser nicht an die Kamera. Erlauben Sie es in den Datenschutz-Einstellungen des Systems und schalten Sie die Kamera dann hier ein.
   *[microphone] Ihr System lässt diesen Browser nicht an das Mikrofon. Erlauben Sie es in den Datenschutz-Einstellungen des Systems und schalten Sie das Mikrofon dann hier ein.
}
device-busy = { $device ->
    [camera] Ein anderes Programm benutzt Ihre Kamera. Schließen Sie es oder wählen Sie eine andere Kamera und schalten Sie sie dann hier ein.
   *[microphone] Ein anderes Programm benutzt Ihr Mikrofon. Schließen Sie es oder wählen Sie ein anderes Mikrofon und schalten Sie es dann hier ein.
}
device-gone = { $device ->
    [camera] „{ $label }“ ist nicht da. Stattdessen wird die Kamera des Systems benutzt.
    [speaker] „{ $label }“ ist nicht da. Stattdessen wird der Lautsprecher des Systems benutzt.
   *[microphone] „{ $label }“ ist nicht da. Stattdessen wird das Mikrofon des Systems benutzt.
}
device-numbered = { $device ->
    [camera] Kamera { $number }
    [speaker] Lautsprecher { $number }
   *[microphone] Mikrofon { $number }
}
settings = Einstellungen
settings-title = Kamera, Mikrofon, Lautsprecher und Sprache
devices-check = Geräte wählen und testen
devices-default = Standard des Systems
level = Pegel Ihres Mikrofons
level-off = Schalten Sie Ihr Mikrofon ein, um es zu testen.
level-listening = Sagen Sie etwas: Der Balken bewegt sich.
level-heard = Ihr Mikrofon hört Sie.
level-silent = Es ist nichts zu hören. Wählen Sie ein anderes Mikrofon oder prüfen Sie, ob ein Schalter daran aus ist.
speaker-test = Ton abspielen
speaker-played = Haben Sie den Ton gehört? Wenn nicht, stellen Sie lauter oder wählen Sie einen anderen Lautsprecher.
speaker-by-system = Dieser Browser spielt über den Lautsprecher, der in Ihrem System eingestellt ist.
blur = Meinen Hintergrund unscharf zeigen
save-power = Strom sparen
save-power-words = Für schwache Geräte und langsame Verbindungen: kleinere und weniger Bilder, weniger Bewegung, und weniger Apps bleiben geladen.

join-bad-name = Dieser Name oder dieser Link kann nicht verwendet werden. Prüfen Sie Ihren Namen oder bitten Sie noch einmal um den Link.
join-no-such-call = Dieses Gespräch gibt es hier nicht. Bitten Sie noch einmal um den Link.
join-refused = Mit diesem Link kommen Sie nicht hinein. Bitten Sie die Person, die Sie eingeladen hat, um einen neuen.
join-unauthorized = { $link ->
    [none] Dieses Gespräch öffnet sich nur mit einer Einladung. Öffnen Sie den ganzen Link oder bitten Sie die Leitung um einen.
    [cut] Dieser Link ist nicht vollständig. Öffnen Sie den ganzen Link oder bitten Sie um einen neuen.
    [elsewhere] Dieser Link gehört zu einem anderen Gespräch. Bitten Sie um den Link zu diesem.
    [late] Dieser Link ist abgelaufen. Bitten Sie die Person, die Sie eingeladen hat, um einen neuen.
   *[other] Ihr Link ist nicht oder nicht mehr gültig. Bitten Sie die Person, die Sie eingeladen hat, um einen neuen.
}
join-too-fast = Das Gespräch ist voll, oder es wollten zu viele auf einmal hinein. Versuchen Sie es in einer Minute noch einmal.
join-broken = Das Gespräch ist nicht erreichbar. Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.
join-restarting = Der Server startet gerade neu. Versuchen Sie es in ein paar Sekunden noch einmal.
join-storage-failed = Der Server kann dieses Gespräch im Moment nicht lesen. Versuchen Sie es in einer Minute noch einmal.
join-failed = Der Beitritt ist fehlgeschlagen: { $why }. Versuchen Sie es noch einmal oder laden Sie die Seite neu.

### Waiting to be let in

waiting-document = Warten · { $call }
waiting-title = Sie warten auf Einlass
waiting-as = Sie haben als { $name } angefragt. Lassen Sie diese Seite offen: Das Gespräch beginnt hier.
waiting-stop = Nicht mehr warten
waiting-lost = Die Verbindung ist unterbrochen. Sie wird wiederhergestellt… Danach warten Sie automatisch weiter.
waiting-seen-soon = Die Gesprächsleitung sieht, dass Sie warten, sobald sie da ist. Sie kommen hinein, wenn Sie eingelassen werden.
waiting-held = Die Gesprächsleitung hat Sie gesehen und bittet Sie um noch etwas Geduld.
waiting-host-says = Die Leitung sagt:
waiting-locked = Dieses Gespräch ist gesperrt
waiting-locked-words = Die Leitung hat das Gespräch gesperrt: Zurzeit kommt niemand Neues herein. Lassen Sie diese Seite offen: Sie sagt Ihnen, sobald das Gespräch wieder offen ist.
waiting-opened = Das Gespräch ist wieder offen: Sie sind dabei.
waiting-apps = Während Sie warten
waiting-apps-words = Bevor Sie eingelassen werden, sieht das niemand. Danach sehen es die Personen im Gespräch.

### The call

call-document = { $call } · Gespräch
call-document-waiting = ({ $count }) { $call } · Gespräch
controls = Kamera, Mikrofon, Apps und Personen
apps = Apps
people = Personen
people-waiting = { $count ->
    [one] { $count } wartet
   *[other] { $count } warten
}
invite = Einladen
invite-title = Einen Link für jemand anderen kopieren
invite-copied = Der Link ist kopiert. Senden Sie ihn allen, die beitreten sollen.
invite-link = Senden Sie diesen Link allen, die beitreten sollen: { $link }

status-saved = Gespeichert
status-saved-title = Alles, was Sie hier getan haben, ist auf der Festplatte des Servers
status-saving = Speichern…
status-saving-title = Ihre letzten Änderungen sind unterwegs zur Festplatte des Servers
status-offline = Neu verbinden…
status-offline-title = Die Verbindung ist unterbrochen. Was Sie jetzt tun, bleibt erhalten und wird gesendet, sobald Sie wieder verbunden sind
status-away = { $others ->
    [one] Neu verbinden… zu zweit
   *[other] Neu verbinden… mit { $others } anderen
}
status-away-title = { $others ->
    [one] Der Server ist nicht erreichbar. Sie und eine weitere Person machen miteinander weiter. Was Sie tun, bleibt erhalten und wird gesendet, sobald der Server wieder da ist
   *[other] Der Server ist nicht erreichbar. Sie und { $others } andere machen miteinander weiter. Was Sie tun, bleibt erhalten und wird gesendet, sobald der Server wieder da ist
}
status-read-only = Nur lesen
status-read-only-title = Der Server kann im Moment nicht speichern. Was gespeichert wurde, ist sicher; ändern lässt sich erst wieder etwas, wenn er wieder speichert
status-connected = Verbunden
locked = Gesperrt
locked-title = Die Leitung hat das Gespräch gesperrt: Niemand Neues kommt herein

participants = Teilnehmende
you = Sie
away = getrennt
away-title = Die Verbindung ist unterbrochen; die Person kommt vielleicht zurück
microphone-off = Mikrofon aus
camera-off = Kamera aus
picture-saved = kein Bild, um Strom zu sparen
speaks = spricht
floating = Das Bild von { $name } über anderen Fenstern halten
path = { $path ->
    [direct] direkt
    [relay] über Server
    [server] über Server
    [poor] schlechte Verbindung
   *[connecting] verbinden…
}
path-of = { $path ->
    [direct] { $name } ist direkt verbunden
    [relay] { $name } ist über den Server verbunden
    [server] { $name } ist über einen Vermittlungsserver verbunden
    [poor] Die Verbindung zu { $name } ist schlecht: Ton und Bild können stocken
   *[connecting] { $name } wird verbunden…
}
path-words = { $path ->
    [direct] direkt verbunden
    [relay] über den Server verbunden
   *[connecting] wird verbunden…
}
media-cut = Weder Ton noch Bild kommt durch
screen = Bildschirm
screen-title = Ihren Bildschirm allen zeigen, anstelle Ihrer Kamera
screen-own = Alle sehen Ihren Bildschirm.
screen-stop = Nicht mehr zeigen
screen-of = { $name } zeigt den Bildschirm
screen-watch = Bildschirm ansehen
screen-leave = Verkleinern
screen-full = Bildfüllend anzeigen
screen-coming = Der Bildschirm von { $name } ist unterwegs…
screen-unreachable = Es kommt kein Bild von { $name } an: Zwischen Ihren Netzen gibt es keinen direkten Weg.
screen-failed = Ihr Bildschirm ließ sich nicht zeigen. Versuchen Sie es noch einmal oder wählen Sie ein Fenster statt des ganzen Bildschirms.
screen-blocked = Ihr System lässt diesen Browser nicht an den Bildschirm. Erlauben Sie die Bildschirmaufnahme in den Datenschutz-Einstellungen des Systems und versuchen Sie es noch einmal.

### The stage

stage = Bühne
stage-tabs = Was im Gespräch ist
stage-everybody-sees-this = Alle sehen das
stage-everybody-sees-this-too = , alle sehen das
stage-hosts-see-this = Nur die Leitung sieht das
stage-only-you = Nur Sie sehen das. Alle sehen „{ $title }“.
stage-only-you-and-nothing = Nur Sie sehen das. Allen wird gerade nichts gezeigt.
stage-may-look = Sie dürfen zusehen, aber nichts ändern.
stage-back = Zurück
stage-back-to = Zurück zu dem, was alle sehen
stage-show = Allen zeigen
stage-full-screen = Bühne auf dem ganzen Bildschirm zeigen
stage-full-screen-end = Ganzen Bildschirm verlassen
stage-inspect = Prüfen
stage-inspect-title = Prüfen: Zustand, Präsenz, Datenströme, abgelehnte Änderungen und was jede Ressource kostet
stage-remove = { $title } entfernen
removed = „{ $title }“ wurde entfernt.
removed-by = { $name } hat „{ $title }“ entfernt.
removed-by-you = Sie haben „{ $title }“ für alle entfernt.
removed-undo = Rückgängig
removed-undo-title = „{ $title }“ zurückholen, mit allem Inhalt
stage-others = Was andere mit { $title } tun dürfen
stage-others-edit = Andere dürfen ändern
stage-others-view = Andere sehen nur zu
stage-others-hidden = Vor anderen verborgen
access = Wer mit „{ $title }“ was darf
access-of = Was { $name } mit „{ $title }“ tun darf
access-all-edit = Andere dürfen es ändern und Beobachter:innen zusehen, wo hier nichts anderes steht. Die Leitung darf immer ändern.
access-all-view = Andere sehen nur zu, wo hier nichts anderes steht. Die Leitung darf immer ändern.
access-all-hidden = Es ist vor anderen verborgen, wo hier nichts anderes steht. Die Leitung darf immer ändern.
access-as-all = Wie alle anderen
access-edit = Darf ändern
access-view = Sieht nur zu
access-hidden = Sieht es nicht
access-nobody = Nur die Leitung ist hier. Wer später kommt, erscheint in dieser Liste.
access-not-here = nicht hier
access-somebody = jemand, der gegangen ist
access-exceptions = { $count ->
    [one] eine Person darf anderes
   *[other] { $count } Personen dürfen anderes
}
stage-for-waiting = Im Wartebereich
stage-for-waiting-title = Wer auf Einlass wartet, füllt es inzwischen aus; was dabei geschrieben wird, kommt mit ins Gespräch.
stage-empty = Das ist die Bühne
stage-empty-words = Was Sie hierher stellen, sehen und benutzen alle im Gespräch gemeinsam.
stage-empty-wait = Was andere hierher stellen, erscheint dann bei Ihnen.
stage-nothing-shown = Allen wird gerade nichts gezeigt
stage-nothing-shown-words = Wählen Sie oben einen Tab, um sich etwas anzusehen, und zeigen Sie es allen, wenn Sie möchten.
stage-add = App hinzufügen
stage-hidden = „{ $title }“ ist verborgen
stage-hidden-words = Die Leitung hat es vor Ihnen verborgen. Es erscheint wieder hier, wenn es Ihnen wieder gezeigt wird.
stage-hidden-note = Die Leitung hat „{ $title }“ vor Ihnen verborgen.

app-starting = „{ $title }“ wird gestartet…
app-newer = Es gibt eine neuere Version von „{ $title }“. Bis Sie sie laden, dürfen Sie zusehen, aber nichts ändern.
app-load-newer = Laden
app-missing = Dieser Server hat die App „{ $app }“ nicht mehr. Was darin ist, bleibt erhalten.
app-late = „{ $title }“ ist nicht gestartet. Wer die App entwickelt, findet den Grund in der Konsole des Browsers.
app-elsewhere = „{ $title }“ wollte auf eine andere Seite gehen, was Apps nicht dürfen. Was darin steht, bleibt erhalten; das Gespräch geht weiter.
app-hangs = „{ $title }“ antwortet nicht mehr. Was darin steht, bleibt erhalten.
app-start-again = Neu starten
app-stopped = „{ $title }“ wurde angehalten: Die App hat etwas getan, was Apps nicht dürfen. Das Gespräch geht weiter.
app-stopped-itself = „{ $title }“ wurde angehalten: { $why }. Starten Sie die App neu, um es noch einmal zu versuchen; das Gespräch geht weiter.

drawer-words = Eine App, die Sie hinzufügen, wird allen im Gespräch gezeigt.
drawer-search = Apps suchen
drawer-none-found = Keine App hat „{ $wanted }“ im Namen oder in der Beschreibung.
drawer-add = Hinzufügen
drawer-adding = Hinzufügen…
drawer-add-app = { $app } hinzufügen
drawer-who-adds = { $roles ->
    [host] Das fügt die Leitung hinzu.
    [guest] Das fügen Gäste hinzu.
   *[both] Das fügen die Leitung und Gäste hinzu.
}
drawer-asks-hosts = Verbindet sich mit: { $hosts }
drawer-asks = { $what ->
    [files] Überträgt Dateien
    [participants] Sieht, wer da ist
    [fetch] Fragt diese Adressen über den Server ab
    [documents] Texte, an denen mehrere zugleich schreiben
    [python] Lässt ein Programm auf dem Server laufen
   *[streams] Überträgt laufende Daten
}
drawer-failed = Die Liste der Apps lässt sich nicht laden. Prüfen Sie Ihre Verbindung und öffnen Sie dies noch einmal.
drawer-list-failed = Die Liste der Apps lässt sich nicht laden.
drawer-none = Dieser Server hat keine Apps.

half-down = Das Programm von { $app } läuft nicht: { $why }
half-failed = { $failures ->
    [one] Das Programm von { $app } ist einmal fehlgeschlagen. { $why }
   *[other] Das Programm von { $app } ist { $failures }-mal fehlgeschlagen. { $why }
}
half-failed-again = { $failures ->
    [one] Das Programm von { $app } ist einmal fehlgeschlagen. Nächster Versuch um { $time }. { $why }
   *[other] Das Programm von { $app } ist { $failures }-mal fehlgeschlagen. Nächster Versuch um { $time }. { $why }
}
half-name = { $app }, „{ $title }“
half-dismiss = Nicht anzeigen

### People

people-in-the-call = Im Gespräch ({ $count })
people-manage = { $name } verwalten
people-program = Programm einer App
people-tabs = { $count ->
    [one] { $count } Tab
   *[other] { $count } Tabs
}
people-commands = Was Sie bei { $name } tun können
people-make = { $role ->
    [host] Zur Leitung machen
    [observer] Nur beobachten lassen
   *[guest] Zum Gast machen
}
people-mute = { $name } stumm schalten
people-mute-off = Das Mikrofon von { $name } ist aus
people-mute-others = Alle anderen stumm schalten
muted-by = { $name } hat Ihr Mikrofon ausgeschaltet. Sie können es wieder einschalten.
muted = Die Leitung hat Ihr Mikrofon ausgeschaltet. Sie können es wieder einschalten.
people-hand-over = Übergeben…
people-hand-over-sure = Die Leitung an { $name } übergeben?
people-hand-over-words = { $name } übernimmt die Leitung, und Sie werden Gast. Nur die Leitung kann sie Ihnen zurückgeben.
people-hand-over-no = Leitung behalten
people-hand-over-yes = Übergeben
people-remove = Entfernen…
people-remove-sure = { $name } aus dem Gespräch entfernen?
people-remove-words = Die Person verlässt das Gespräch sofort. Ihre Einladung gilt nicht mehr: Um zurückzukommen, braucht sie eine neue, oder Sie lassen sie hier wieder zu.
people-remove-yes = Entfernen
people-ban = Sperren…
people-ban-sure = { $name } sperren?
people-ban-words = Die Person verlässt das Gespräch sofort. Keine Einladung lässt sie wieder hinein, außer Sie lassen sie hier wieder zu.
people-ban-yes = Sperren
people-keep = Darf bleiben
people-left = Gegangen ({ $count })
people-kept-out = Ausgeschlossen ({ $count })
people-removed = entfernt
people-banned = gesperrt
people-ban-now = Sperren
people-ban-name = { $name } sperren
people-let-back = Wieder zulassen
people-let-back-name = { $name } wieder zulassen
people-the-call = Das Gespräch
people-export = Inhalt des Gesprächs herunterladen
people-export-words = Eine Datei mit dem Chat als Text und allen Apps als Daten, soweit Sie sie lesen dürfen. Sie verlässt das Gespräch: Bewahren Sie sie ebenso sorgsam auf.
export-chat = Chat von { $call }, { $time }
export-failed = Die Datei konnte nicht erstellt werden.
people-end = Gespräch für alle beenden…
people-end-sure = Gespräch für alle beenden?
people-end-words = Alle verlassen das Gespräch, und niemand kommt hinein, bis die Leitung wieder beitritt. Alles im Gespräch bleibt erhalten.
people-end-no = Fortsetzen
people-end-yes = Gespräch beenden
people-area = Gäste warten auf Einlass
people-area-on = Sie werden gefragt, bevor Gäste oder Beobachter:innen hereinkommen. Wenn Sie das ausschalten, kommen alle herein, die warten.
people-area-off = Wer den Link hat, kommt sofort herein.
people-lock = Gespräch sperren
people-lock-on = Niemand Neues kommt herein außer der Leitung, was immer in der Einladung steht. Wer hier ist, bleibt und kommt nach einer Unterbrechung zurück.
people-lock-off = Wenn Sie es sperren, kommt außer der Leitung niemand Neues herein, bis Sie es wieder öffnen. Wer hier ist, bleibt.
people-new-role = { $role ->
    [host] Sie gehören jetzt zur Leitung: Sie lassen Personen ein und bestimmen, was andere dürfen.
    [observer] Sie sind jetzt Beobachter:in: Sie sehen alles und ändern nichts.
   *[guest] Sie sind jetzt Gast.
}

knocks = Warten auf Einlass
knocks-count = Warten auf Einlass ({ $count })
knocks-none = Niemand wartet.
knocks-admit-all = Alle einlassen
knocks-admit = Einlassen
knocks-admit-name = { $name } einlassen
knocks-hold = Noch warten
knocks-hold-name = { $name } noch warten lassen
knocks-decline = Ablehnen
knocks-decline-name = { $name } ablehnen
knocks-since = { $role ->
    [host] Leitung, seit { $time }
    [observer] Beobachter:in, seit { $time }
   *[guest] Gast, seit { $time }
}
knocks-held = um Geduld gebeten
knocks-you-said = Sie sagten: „{ $words }“
knocks-ask = Bitten Sie { $name } um noch etwas Geduld. Sagen Sie:
knocks-ready-minutes = Ich bin in ein paar Minuten bei Ihnen.
knocks-ready-next = Gerade ist noch jemand bei mir. Danach sind Sie an der Reihe.
knocks-ready-time = Wir beginnen zur vereinbarten Zeit. Bitte bleiben Sie hier.
knocks-own = Oder in eigenen Worten (darf leer bleiben)
knocks-ask-to-wait = Um Geduld bitten
knocks-view = Ansehen
knocking = { $count ->
    [one] { $first } wartet auf Einlass
   *[other] { $first } und { $others } andere warten auf Einlass
}
knocking-two = { $first } und { $second } warten auf Einlass

### Talking without a microphone

chat = Chat
chat-unread = { $count } ungelesen
chat-messages = Nachrichten
chat-empty = Noch hat niemand geschrieben. Was hier steht, bleibt beim Gespräch; auch wer später kommt, kann es lesen.
chat-may-read = Sie können lesen, aber nicht schreiben.
chat-write = An alle schreiben
chat-send = Senden
chat-claimed = jemand unter dem Namen „{ $name }“
chat-news = { $name }: { $text }
react = Reagieren
react-with = Mit { $emoji } reagieren
reaction-of = { $name } reagiert mit { $emoji }
hand-raise = Hand heben
hand-lower = Hand senken
hand-of = { $name } hat die Hand gehoben

### Leaving

leave = Verlassen
leave-title = Das Gespräch verlassen
leave-sure = Das Gespräch verlassen?
leave-only-host = Nur Sie leiten dieses Gespräch: Niemand kann eingelassen werden, bis wieder eine Leitung da ist. Die anderen bleiben im Gespräch.
leave-heir = Leitung vorher übergeben an
leave-hand-over = Übergeben und gehen
leave-end = Für alle beenden

over-ask-again = Erneut anfragen
over-join-again = Erneut beitreten
over-apps = Nach dem Gespräch
over-apps-words = So sah es am Ende aus. Es lässt sich lesen, aber nicht mehr ändern.
over-declined = Sie wurden nicht eingelassen
over-declined-words = Wenn Sie erwartet werden, sagen Sie der Person Bescheid, die Sie eingeladen hat, und fragen Sie noch einmal an.
over-removed = Sie sind nicht mehr in diesem Gespräch
over-removed-words = Ihre Einladung gilt nicht mehr. Wenn das ein Versehen ist, rufen Sie die Person an, die Sie eingeladen hat, oder schreiben Sie ihr: Sobald die Leitung Sie wieder zulässt, versuchen Sie es erneut.
over-kept-out-words = Die Leitung hat Sie noch nicht wieder zugelassen. Rufen Sie die Person an, die Sie eingeladen hat, oder schreiben Sie ihr, und versuchen Sie es danach erneut.
over-ended = Das Gespräch ist beendet
over-ended-by-me = Sie haben es für alle beendet. Alles darin bleibt erhalten, und es öffnet sich wieder, wenn die Leitung beitritt.
over-ended-words = Wenn das für Sie unerwartet kam, fragen Sie die Person, die Sie eingeladen hat.
over-left = Sie haben das Gespräch verlassen
over-left-words = Alles darin bleibt, wie es ist. Sie können diesen Tab schließen oder zurückkommen.
over-replaced = Sie sind an anderer Stelle noch einmal beigetreten, deshalb hat dieser Tab das Gespräch verlassen.
over-broken = Der Server konnte diese Seite nicht verstehen. Treten Sie erneut bei; wenn es wieder vorkommt, sagen Sie es der Person, die den Server betreut.
over-unauthorized = Sie waren zu lange getrennt, oder Ihre Einladung gilt nicht mehr. Treten Sie erneut bei.
over-too-fast = Von hier kam zu viel auf einmal. Sie können in einer Minute erneut beitreten.
over-storage-failed = Der Server kann dieses Gespräch zurzeit nicht speichern. Sie können in einer Minute erneut beitreten.
over-why = Das Gespräch endete hier: { $why }. Sie können erneut beitreten.
over-why-alone = Das Gespräch endete hier: { $why }.

problem-timed-out = Der Server hat noch nicht geantwortet. Es wird erledigt, sobald Sie wieder verbunden sind.
problem-last-host = Nur Sie leiten dieses Gespräch: Machen Sie zuerst jemand anderen zur Leitung.
problem-nobody = Diese Person ist nicht mehr da.
problem-full = Dafür ist kein Platz mehr: Etwas muss zuerst entfernt werden.
problem-read-only = Der Server kann zurzeit nicht speichern. Was gespeichert war, ist sicher.
problem-no-resource = Das ist nicht mehr im Gespräch oder wurde vor Ihnen verborgen.
problem-no-app = Diese App gibt es auf diesem Server nicht.
problem-clock = Die Uhr dieses Geräts geht vor. Stellen Sie sie richtig.
problem-outdated = Es gibt eine neuere Fassung dieser App. Laden Sie sie neu.
problem-too-fast = Das war zu viel auf einmal. Warten Sie einen Augenblick und versuchen Sie es noch einmal.
problem-too-large = Das ist zu groß.
problem-denied = Das ist hier nicht erlaubt.
problem-command-timed-out = Der Server hat nicht geantwortet. Sehen Sie nach, ob es geschehen ist, und versuchen Sie es sonst noch einmal.

### Die Prüfansicht für die Leitung

inspector = Prüfansicht
inspector-as = wie { $name } es sieht
inspector-close = Prüfansicht schließen
inspector-failed = Die Prüfansicht lässt sich nicht laden. Prüfen Sie Ihre Verbindung und öffnen Sie sie noch einmal.
inspector-resource = Ressource
inspector-keys = Schlüssel
inspector-size = Größe
inspector-writes = Einträge/s
inspector-writes-title = Einträge, die in den letzten 5 Sekunden vom Server kamen
inspector-call = Das Gespräch selbst
inspector-hub = der Server
inspector-state = Zustand
inspector-version = Zustand, Version { $version }
inspector-find = Schlüssel suchen
inspector-no-keys = Keine Schlüssel.
inspector-none-found = Kein Schlüssel enthält das.
inspector-more = { $count ->
    [one] Ein weiterer Schlüssel: Suchen Sie ihn nach seinem Namen.
   *[other] { $count } weitere Schlüssel: Suchen Sie sie nach ihrem Namen.
}
inspector-presence = Präsenz
inspector-presence-of = { $title }, Präsenz
inspector-no-presence = Gerade zeigt niemand etwas.
inspector-streams = Datenströme
inspector-no-streams = Hier ist keiner offen.
inspector-with = Mit
inspector-path = Weg
inspector-not-read = liest nicht
inspector-out = Aus/s
inspector-out-title = Ausgehende Nachrichten je Sekunde, und Bytes
inspector-in = Ein/s
inspector-in-title = Eingehende Nachrichten je Sekunde, und Bytes
inspector-rate = { $rate } je Sekunde, { $all } insgesamt
inspector-lost = Verlust
inspector-lost-title = Modus latest: der Anteil des Gesendeten, der nicht rechtzeitig ankam, und wie viele der eingehenden fehlten. Modus reliable: wie oft etwas verloren ging
inspector-lost-in = { $share } ({ $count } ein)
inspector-waits = Wartet
inspector-waits-title = Bytes, von denen nicht bekannt ist, ob sie angekommen sind
inspector-denied = Abgelehnte Änderungen
inspector-no-denied = Keine, seit dies geöffnet wurde.
inspector-denied-in = in { $where }
