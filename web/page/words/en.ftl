# What the call page says. Project Fluent: https://projectfluent.org/fluent/guide/
# Names of people, calls and apps come as they are; so does what the hub says of an error, $why, which is English:
# other languages may leave that out.

### Everywhere

role = { $role ->
    [host] host
    [observer] observer
   *[guest] guest
}
close = Close
dismiss = Dismiss
not-now = Not now
try-again = Try again
loading = Loading…
language = Language

### Arriving

lobby-document = Join { $call }
lobby-join-the-call = Join the call
lobby-name = Your name
lobby-name-hint = How others will see you
lobby-name-rule = At least one visible character
lobby-join = Join
lobby-joining = Joining…
lobby-as-token = Your link says as whom you join.
lobby-as = { $role ->
    [host] You join as a host.
    [observer] You join as an observer: you see everything and change nothing.
   *[guest] You join as a guest.
}
lobby-strange-role = This link is for a “{ $role }”, and there is no such role. Ask for the link once more.
lobby-preview = Your camera and microphone
lobby-camera-starting = Starting your camera…

device = { $device ->
    [camera] Camera
    [speaker] Speaker
   *[microphone] Microphone
}
device-is-on = { $device ->
    [camera] Camera is on
   *[microphone] Microphone is on
}
device-is-off = { $device ->
    [camera] Camera is off
   *[microphone] Microphone is off
}
device-refused = { $device ->
    [camera] This page may not use your camera. Press the icon at the start of the address bar, allow the camera there, then press the camera button here again.
   *[microphone] This page may not use your microphone. Press the icon at the start of the address bar, allow the microphone there, then press the microphone button here again.
}
device-none = { $device ->
    [camera] No camera was found. The call works without.
   *[microphone] No microphone was found. The call works without.
}
device-failed = { $device ->
    [camera] Your camera could not be started. Unplug it and plug it in again, or choose another one.
   *[microphone] Your microphone could not be started. Unplug it and plug it in again, or choose another one.
}
device-insecure = { $device ->
    [camera] The browser gives no camera to pages without https. The call works without.
   *[microphone] The browser gives no microphone to pages without https. The call works without.
}
device-is-paused = The camera comes back when you stop showing your screen
device-blocked = { $device ->
    [camera] Your system keeps the camera from this browser. Allow it in the system’s privacy settings, then turn it on here.
   *[microphone] Your system keeps the microphone from this browser. Allow it in the system’s privacy settings, then turn it on here.
}
device-busy = { $device ->
    [camera] Another program uses your camera. Close that program, or choose another camera, then turn it on here.
   *[microphone] Another program uses your microphone. Close that program, or choose another microphone, then turn it on here.
}
device-gone = { $device ->
    [camera] “{ $label }” is not there. The system’s camera is used instead.
    [speaker] “{ $label }” is not there. The system’s speaker is used instead.
   *[microphone] “{ $label }” is not there. The system’s microphone is used instead.
}
device-numbered = { $device ->
    [camera] Camera { $number }
    [speaker] Speaker { $number }
   *[microphone] Microphone { $number }
}
settings = Settings
settings-title = Camera, microphone, speaker and language
devices-check = Choose and test your devices
devices-default = System default
level = Level of your microphone
level-off = Turn your microphone on to test it.
level-listening = Say something: the bar moves.
level-heard = Your microphone hears you.
level-silent = Nothing is heard. Choose another microphone, or look whether a switch on it is off.
speaker-test = Play a sound
speaker-played = Did you hear it? If not, turn the volume up, or choose another speaker.
speaker-by-system = This browser plays through the speaker that is set in your system.
blur = Blur my background
save-power = Save power
save-power-words = For a weak device or a slow connection: smaller and fewer pictures, less movement, and fewer apps kept open.

join-bad-name = This name or this link cannot be used. Check your name, or ask for the link once more.
join-no-such-call = There is no such call here. Ask for the link once more.
join-refused = This link does not let you in. Ask who invited you for a new one.
join-unauthorized = { $link ->
    [none] This call is opened by an invitation. Open the whole link, or ask its host for a link.
    [cut] This link is not whole. Open the whole link, or ask for a new one.
    [elsewhere] This link is for another call. Ask for the link to this one.
    [late] This link has run out. Ask who invited you for a new one.
   *[other] { $why }
}
join-too-fast = The call is full, or too many came in at once. Try again in a minute.
join-broken = The call cannot be reached. Check your connection, and try again.
join-restarting = The hub is restarting. Try again in a few seconds.
join-storage-failed = The hub cannot read this call at the moment. Try again in a minute.
join-failed = Joining failed: { $why }. Try again, or load the page once more.

### Waiting to be let in

waiting-document = Waiting · { $call }
waiting-title = Waiting to be let in
waiting-as = You asked as { $name }. Keep this page open: the call begins here.
waiting-stop = Stop waiting
waiting-lost = The connection is lost. Reconnecting… Then you wait again, by itself.
waiting-seen-soon = The hosts of this call see that you wait, as soon as they are here. You come in when one of them lets you in.
waiting-held = A host has seen you, and asks you to wait a little longer.
waiting-host-says = The host says:
waiting-locked = This call is locked
waiting-locked-words = A host has locked the call: nobody new comes in at the moment. Keep this page open: it tells you as soon as the call is opened again.
waiting-opened = The call is open again: you are in.
waiting-apps = While you wait
waiting-apps-words = Nobody sees this before you are let in. Then it goes to the people in the call.

### The call

call-document = { $call } · call
call-document-waiting = ({ $count }) { $call } · call
controls = Camera, microphone, apps and people
apps = Apps
people = People
people-waiting = { $count } waiting
invite = Invite
invite-title = Copy a link for somebody else
invite-copied = The link is copied. Send it to whoever should join.
invite-link = Send this link to whoever should join: { $link }

status-saved = Saved
status-saved-title = Everything you did here is on the hub's disk
status-saving = Saving…
status-saving-title = Your last changes are on their way to the hub's disk
status-offline = Reconnecting…
status-offline-title = The connection is lost. What you do now is kept, and sent once you are back
status-away = { $others ->
    [one] Reconnecting… with one other
   *[other] Reconnecting… with { $others } others
}
status-away-title = { $others ->
    [one] The server is away. You and one other go on with each other. What you do is kept, and sent once it is back
   *[other] The server is away. You and { $others } others go on with each other. What you do is kept, and sent once it is back
}
status-read-only = Read only
status-read-only-title = The hub cannot save at the moment. What was saved is safe; nothing can be changed until it saves again
status-connected = Connected
locked = Locked
locked-title = A host has locked the call: nobody new comes in

participants = Participants
you = you
away = away
away-title = The connection is lost; they may come back
microphone-off = microphone off
camera-off = camera off
picture-saved = no picture, to save power
speaks = speaking
floating = Keep the picture of { $name } above other windows
path = { $path ->
    [direct] direct
    [relay] relay
    [server] relay
    [poor] poor connection
   *[connecting] connecting…
}
path-of = { $path ->
    [direct] { $name } is connected directly
    [relay] { $name } is connected by way of the hub
    [server] { $name } is connected by way of a relay server
    [poor] The connection to { $name } is poor: sound and picture may falter
   *[connecting] { $name } is connecting…
}
path-words = { $path ->
    [direct] connected directly
    [relay] connected by way of the hub
   *[connecting] connecting…
}
media-cut = No sound or picture gets through
screen = Screen
screen-title = Show your screen to everybody, in place of your camera
screen-own = Everybody sees your screen.
screen-stop = Stop showing it
screen-of = { $name } shows a screen
screen-watch = Look at the screen
screen-leave = Make it small
screen-full = Show it on the whole screen
screen-coming = The screen of { $name } is on its way…
screen-unreachable = No picture of { $name } gets through: there is no direct way between your networks.
screen-failed = Your screen could not be shown. Try again, or choose a window instead of the whole screen.
screen-blocked = Your system keeps the screen from this browser. Allow screen recording in the system’s privacy settings, then try again.

### The stage

stage = Stage
stage-tabs = What is in the call
stage-everybody-sees-this = Everybody sees this
stage-everybody-sees-this-too = , everybody sees this
stage-hosts-see-this = Hosts see this
stage-only-you = Only you see this. Everybody sees “{ $title }”.
stage-only-you-and-nothing = Only you see this. Nothing is shown to everybody.
stage-may-look = You may look, and not change anything.
stage-back = Back
stage-back-to = Back to what everybody sees
stage-show = Show to everybody
stage-full-screen = Show the stage on the whole screen
stage-full-screen-end = Leave the whole screen
stage-inspect = Inspect
stage-inspect-title = Inspect: state, presence, streams, denied writes and what each resource costs
stage-remove = Remove { $title }
removed = “{ $title }” was removed.
removed-by = { $name } has removed “{ $title }”.
removed-by-you = You have removed “{ $title }” for everybody.
removed-undo = Undo
removed-undo-title = Bring “{ $title }” back, with all that is in it
stage-others = What others may do with { $title }
stage-others-edit = Others may edit
stage-others-view = Others may look
stage-others-hidden = Hidden from others
access = Who may do what with “{ $title }”
access-of = What { $name } may do with “{ $title }”
access-all-edit = Others may edit it, and observers look, unless something else stands here. Hosts may always edit.
access-all-view = Others may look at it, unless something else stands here. Hosts may always edit.
access-all-hidden = It is hidden from others, unless something else stands here. Hosts may always edit.
access-as-all = As all others
access-edit = May edit
access-view = May look
access-hidden = Hidden from them
access-nobody = Only hosts are here. Who comes later shows up in this list.
access-not-here = not here
access-somebody = somebody who has left
access-exceptions = { $count ->
    [one] one person may do something else
   *[other] { $count } people may do something else
}
stage-for-waiting = In the waiting area
stage-for-waiting-title = Who waits to be let in fills it in meanwhile; what they write comes with them.
stage-empty = This is the stage
stage-empty-words = What you put here, everybody in the call sees and uses together.
stage-empty-wait = What others put here will show up for you.
stage-nothing-shown = Nothing is shown to everybody
stage-nothing-shown-words = Choose a tab above to look at something, and show it to everybody if you like.
stage-add = Add an app
stage-hidden = “{ $title }” is hidden
stage-hidden-words = A host has hidden it from you. It comes back here when it is shown to you again.
stage-hidden-note = A host has hidden “{ $title }” from you.

app-starting = Starting “{ $title }”…
app-newer = There is a newer version of “{ $title }”. Until you load it, you may look and not change anything.
app-load-newer = Load it
app-missing = This hub does not have the app “{ $app }” any more. What is in it is kept.
app-late = “{ $title }” has not started. Its author finds why in the browser’s console.
app-elsewhere = “{ $title }” wanted to go to another page, which apps may not. What is in it is kept; the call goes on.
app-hangs = “{ $title }” does not answer any more. What is in it is kept.
app-start-again = Start it again
app-stopped = “{ $title }” has stopped: it did something that an app may not do. The call goes on.
app-stopped-itself = “{ $title }” { $why }. Start it again to try once more; the call goes on.

drawer-words = An app that you add is shown to everybody in the call.
drawer-search = Search apps
drawer-none-found = No app has “{ $wanted }” in its name or description.
drawer-add = Add
drawer-adding = Adding…
drawer-add-app = Add { $app }
drawer-who-adds = { $roles ->
    [host] Hosts add this.
    [guest] Guests add this.
   *[both] Hosts and guests add this.
}
drawer-asks-hosts = Talks to: { $hosts }
drawer-asks = { $what ->
    [files] Sends files
    [participants] Sees who is here
    [fetch] Asks these hosts by way of the server
    [documents] Texts that several write at once
    [python] Runs a program on the server
   *[streams] Sends live data
}
drawer-failed = The list of apps cannot be read. Check your connection, and open this again.
drawer-list-failed = The list of apps cannot be read.
drawer-none = This hub has no apps.

half-down = The program of { $app } does not run: { $why }
half-failed = { $failures ->
    [one] The program of { $app } has failed once. { $why }
   *[other] The program of { $app } has failed { $failures } times. { $why }
}
half-failed-again = { $failures ->
    [one] The program of { $app } has failed once. Next try at { $time }. { $why }
   *[other] The program of { $app } has failed { $failures } times. Next try at { $time }. { $why }
}
half-name = { $app }, “{ $title }”
half-dismiss = Do not show this

### People

people-in-the-call = In the call ({ $count })
people-manage = Manage { $name }
people-program = program of an app
people-tabs = { $count } tabs
people-commands = What you can do about { $name }
people-make = { $role ->
    [host] Make host
    [observer] Make observer
   *[guest] Make guest
}
people-mute = Mute { $name }
people-mute-off = The microphone of { $name } is off
people-mute-others = Mute everybody else
muted-by = { $name } muted your microphone. You can turn it on again.
muted = A host muted your microphone. You can turn it on again.
people-hand-over = Hand over…
people-hand-over-sure = Hand over to { $name }?
people-hand-over-words = { $name } becomes a host, and you become a guest. Only a host can make you one again.
people-hand-over-no = Stay host
people-hand-over-yes = Hand over
people-remove = Remove…
people-remove-sure = Remove { $name } from the call?
people-remove-words = They leave at once. Their invitation counts no more: to come back they need a new one, or you let them back in here.
people-remove-yes = Remove
people-ban = Ban…
people-ban-sure = Ban { $name }?
people-ban-words = They leave at once. No invitation lets them in again, unless you let them back in here.
people-ban-yes = Ban
people-keep = Keep them
people-left = Left ({ $count })
people-kept-out = Kept out ({ $count })
people-removed = removed
people-banned = banned
people-ban-now = Ban
people-ban-name = Ban { $name }
people-let-back = Let back in
people-let-back-name = Let { $name } back in
people-the-call = The call
people-export = Download what is in the call
people-export-words = One file with the chat as text and all apps as data, as far as you may read it. It leaves the call: keep it as carefully.
export-chat = Chat of { $call }, { $time }
export-failed = The file could not be made: { $why }
people-end = End the call for everybody…
people-end-sure = End the call for everybody?
people-end-words = Everybody leaves, and nobody comes in until a host joins again. Everything in the call stays.
people-end-no = Go on
people-end-yes = End the call
people-area = Guests wait to be let in
people-area-on = You are asked before a guest or an observer comes in. If you switch this off, whoever waits comes in.
people-area-off = Whoever has the link comes in at once.
people-lock = Lock the call
people-lock-on = Nobody new comes in except hosts, whatever their link says. Whoever is here stays, and comes back after a break.
people-lock-off = If you lock it, nobody new comes in except hosts until you open it again. Whoever is here stays.
people-new-role = { $role ->
    [host] You are a host now: you let people in, and say what others may do.
    [observer] You are an observer now: you see everything and change nothing.
   *[guest] You are a guest now.
}

knocks = Waiting to be let in
knocks-count = Waiting to be let in ({ $count })
knocks-none = Nobody waits.
knocks-admit-all = Admit all
knocks-admit = Admit
knocks-admit-name = Admit { $name }
knocks-hold = Hold
knocks-hold-name = Hold { $name }
knocks-decline = Decline
knocks-decline-name = Decline { $name }
knocks-since = { $role ->
    [host] host, since { $time }
    [observer] observer, since { $time }
   *[guest] guest, since { $time }
}
knocks-held = asked to wait
knocks-you-said = You said: “{ $words }”
knocks-ask = Ask { $name } to wait a little longer. Say:
knocks-ready-minutes = I will be with you in a few minutes.
knocks-ready-next = Somebody else is with me. You are next.
knocks-ready-time = We start at the agreed time. Please stay here.
knocks-own = Or in your own (you may leave this empty)
knocks-ask-to-wait = Ask to wait
knocks-view = View
knocking = { $count ->
    [one] { $first } waits to be let in
   *[other] { $first } and { $others } others wait to be let in
}
knocking-two = { $first } and { $second } wait to be let in

### Talking without a microphone

chat = Chat
chat-unread = { $count } unread
chat-messages = Messages
chat-empty = Nobody has written yet. What is written here stays with the call, and who comes later reads it too.
chat-may-read = You may read, and not write.
chat-write = Write to everybody
chat-send = Send
chat-claimed = somebody who called themselves “{ $name }”
chat-news = { $name }: { $text }
react = React
react-with = React with { $emoji }
reaction-of = { $name } reacts with { $emoji }
hand-raise = Raise your hand
hand-lower = Lower your hand
hand-of = { $name } has raised a hand

### Leaving

leave = Leave
leave-title = Leave the call
leave-sure = Leave the call?
leave-only-host = You are the only host: nobody can be let in until a host comes. The others stay in the call.
leave-heir = Make somebody else the host first
leave-hand-over = Hand over and leave
leave-end = End for everybody

over-ask-again = Ask again
over-join-again = Join again
over-apps = After the call
over-apps-words = This is how it stood at the end. It can be read, and not changed any more.
over-declined = You were not let in
over-declined-words = { $why } If you were expected, tell who invited you, and ask again.
over-removed = You are not in this call any more
over-removed-words = { $why } Your invitation counts no more. If this is a mistake, call or write to who invited you: when a host lets you back in, try again.
over-kept-out-words = { $why } No host has let you back in yet. Call or write to who invited you, and try again when one has.
over-ended = The call is over
over-ended-by-me = You ended it for everybody. Everything in it stays, and it opens again when a host joins.
over-ended-words = { $why } If you did not expect it, ask who invited you.
over-left = You left the call
over-left-words = Everything in it stays as it is. You can close this tab, or come back.
over-replaced = You joined again somewhere else, so this tab has left the call.
over-broken = The hub could not understand this page. Join again; if it happens once more, tell who runs the hub.
over-unauthorized = The call ended here: { $why }.
over-too-fast = The call ended here: { $why }. You can join again in a minute.
over-storage-failed = The call ended here: { $why }. You can join again in a minute.
over-why = The call ended here: { $why }. You can join again.
over-why-alone = The call ended here: { $why }.

problem-timed-out = The hub has not answered yet. It will be done once you are back.
problem-last-host = You are the only host here: make somebody else a host first.
problem-nobody = { $why }
problem-full = { $why }
problem-read-only = { $why }
problem-no-resource = Not done: { $why }
problem-no-app = { $why }
problem-clock = { $why } Set the clock of this device right.
problem-outdated = { $why }
problem-too-fast = { $why }
problem-too-large = { $why }
problem-denied = Not allowed: { $why }.
problem-command-timed-out = The hub has not answered. Look whether it was done, and try again if not.

### The inspector, for hosts

inspector = Inspector
inspector-as = as { $name } sees it
inspector-close = Close the inspector
inspector-failed = The inspector cannot be loaded. Check your connection, and open it again.
inspector-resource = Resource
inspector-keys = Keys
inspector-size = Size
inspector-writes = Writes/s
inspector-writes-title = Entries that came from the hub, over the last 5 seconds
inspector-call = The call itself
inspector-hub = the hub
inspector-state = State
inspector-version = State, version { $version }
inspector-find = Find keys
inspector-no-keys = No keys.
inspector-none-found = No keys that hold this.
inspector-more = { $count ->
    [one] One more key: find it by its name.
   *[other] { $count } more keys: find them by their names.
}
inspector-presence = Presence
inspector-presence-of = { $title }, presence
inspector-no-presence = Nobody shows anything now.
inspector-streams = Streams
inspector-no-streams = None is open here.
inspector-with = With
inspector-path = Path
inspector-not-read = does not read
inspector-out = Out/s
inspector-out-title = Messages a second out, and bytes
inspector-in = In/s
inspector-in-title = Messages a second in, and bytes
inspector-rate = { $rate } a second, { $all } in all
inspector-lost = Lost
inspector-lost-title = Mode latest: the share of what was sent that did not come in time, and of theirs how many. Mode reliable: how often it was lost
inspector-lost-in = { $share } ({ $count } in)
inspector-waits = Waits
inspector-waits-title = Bytes that are not known to have come
inspector-denied = Denied writes
inspector-no-denied = None since this was opened.
inspector-denied-in = of { $where }
