# What botkit-otp says in Italian; en.ftl explains the variables.

a-code = { $kind ->
    [digits] un codice di { $length } cifre
   *[characters] un codice di { $length } caratteri
}
the-code = { $kind ->
    [digits] il codice di { $length } cifre
   *[characters] il codice di { $length } caratteri
}
span = { $unit ->
    [seconds] { $count ->
        [one] { $count } secondo
       *[other] { $count } secondi
    }
    [minutes] { $count ->
        [one] { $count } minuto
       *[other] { $count } minuti
    }
   *[hours] { $count ->
        [one] { $count } ora
       *[other] { $count } ore
    }
}

## The dialog begins

greeting = Salve! Verifichiamo che sia proprio Lei.
ask-address = A quale indirizzo e-mail possiamo inviare un codice?
ask-other-address = Scriva il nuovo indirizzo e-mail da usare, per favore.
    .voice = Quale altro indirizzo e-mail dobbiamo usare?
ask-number = A quale numero di cellulare possiamo inviare un codice? Cominci con il prefisso internazionale, per esempio +39 312 345 6789.
    .voice = A quale numero di cellulare possiamo inviare un codice? Cominci con il prefisso internazionale.
ask-either = A quale indirizzo e-mail o numero di cellulare possiamo inviare un codice?
ask-other-number = Scriva il nuovo numero di cellulare da usare, con il prefisso internazionale, per favore.
    .voice = Quale altro numero di cellulare dobbiamo usare?

## A code is sent

sent = Abbiamo inviato { a-code } a { $to }. Lo scriva qui, per favore. Resta valido per { span }.
    .voice = Le abbiamo inviato { a-code }. Lo dica un carattere alla volta, per favore. Resta valido per { span }.
sent-again = Abbiamo inviato un nuovo codice a { $to }. Funziona solo il più recente. Resta valido per { span }.
    .voice = Le abbiamo inviato un nuovo codice. Funziona solo il più recente. Resta valido per { span }.
calling = Stiamo chiamando { $to } per comunicarle { a-code }. Lo scriva qui, per favore. Resta valido per { span }.
    .voice = La stiamo chiamando per comunicarle { a-code }. Resta valido per { span }.
queued = Stiamo inviando { a-code } a { $to }. Lo scriva qui quando arriva, per favore.
    .voice = Le stiamo inviando { a-code }. Lo dica quando arriva, per favore.
generated = Per favore, scriva { the-code } che Le inviamo.
    .voice = Per favore, dica { the-code } che Le inviamo.
cooldown = Un codice è in arrivo a { $to }. Se non lo riceve, potrà chiederne un altro tra { span }.
    .voice = Un codice è in arrivo. Se non lo riceve, potrà chiederne un altro tra { span }.
cooldown-over = Potrà chiedere un nuovo codice tra { span }.
limit-reached = Abbiamo già inviato diversi codici. Potrà chiederne un altro tra { span }.
limit-reached-live = L'ultimo codice inviato funziona ancora. Potrà chiederne un altro tra { span }.
busy = Al momento non possiamo inviare codici. Potrà chiederne uno tra { span }.
halted = Al momento non possiamo inviare codici a questo telefono. Potrà chiederne un altro tra { span }.
halted-use-mail = Al momento non possiamo inviare codici a questo telefono. Scriva invece un indirizzo e-mail, o lo chieda di nuovo tra { span }.
    .voice = Al momento non possiamo inviare codici a questo telefono. Quale indirizzo e-mail dobbiamo usare invece?
send-failed = Ci dispiace, non siamo riusciti a inviare il codice. Lo chieda di nuovo, per favore.
undeliverable = Non siamo riusciti a raggiungere { $to }. Controlli l'indirizzo o ne usi un altro, per favore.
    .voice = Non siamo riusciti a raggiungere questo indirizzo. Quale altro indirizzo e-mail dobbiamo usare?
undeliverable-enrolled = Non siamo riusciti a raggiungere { $to }. Contatti la nostra assistenza, per favore.
    .voice = Non siamo riusciti a raggiungere l'indirizzo registrato. Contatti la nostra assistenza, per favore.
undeliverable-number = Non siamo riusciti a raggiungere { $to }. Controlli il numero o ne usi un altro, per favore.
    .voice = Non siamo riusciti a raggiungere questo numero. Quale altro numero di cellulare dobbiamo usare?
invalid-destination = Non possiamo inviare un codice a questo indirizzo. Scriva il Suo indirizzo e-mail, per esempio name@example.com.
    .voice = Non possiamo inviare un codice a questo indirizzo. Quale indirizzo e-mail dobbiamo usare?
invalid-number = Non possiamo inviare un codice a questo numero. Scriva il Suo numero di cellulare con il prefisso internazionale, per esempio +39 312 345 6789.
    .voice = Non possiamo inviare un codice a questo numero. Quale numero di cellulare dobbiamo usare?
invalid-either = Non possiamo inviare un codice lì. Scriva un indirizzo e-mail, per esempio name@example.com, o un numero di cellulare, per esempio +39 312 345 6789.
    .voice = Non possiamo inviare un codice lì. Quale indirizzo e-mail o numero di cellulare dobbiamo usare?
several-addresses = C'è più di un indirizzo. Invii solo quello da usare, per favore.
    .voice = Ho sentito più di un indirizzo. Dica solo quello da usare, per favore.
enrolled-only = Possiamo inviare il codice solo all'indirizzo e-mail registrato a Suo nome.
nothing-enrolled = Non abbiamo un Suo indirizzo e-mail e quindi non possiamo inviare un codice. Contatti la nostra assistenza, per favore.
enrolled-only-number = Possiamo inviare il codice solo al numero di telefono registrato a Suo nome.

## A code is checked

verified = Grazie, il codice è corretto. La Sua identità è verificata.
incorrect = Il codice non è corretto. Lo controlli e riprovi, per favore. { $left ->
        [one] Le resta { $left } tentativo
       *[other] Le restano { $left } tentativi
    }.
superseded = Questo è un codice precedente. Scriva quello del messaggio più recente. Questo non conta come tentativo.
    .voice = Questo è un codice precedente. Dica quello del messaggio più recente. Questo non conta come tentativo.
unrecognized = Per favore, scriva { the-code } che abbiamo inviato a { $to }.
    .voice = Per favore, dica { the-code } che Le abbiamo inviato.
several-codes = Forse c'è più di un codice. Invii solo { the-code }. Questo non conta come tentativo.
    .voice = Ho sentito più di un codice. Dica solo { the-code }. Questo non conta come tentativo.
not-a-code = Questo non sembra { the-code }. Invii solo il codice. Questo non conta come tentativo.
    .voice = Non ho sentito { the-code }. Dica solo il codice. Questo non conta come tentativo.
too-soon = Dopo diversi codici errati bisogna attendere un po'. Scriva di nuovo il codice tra { span }, per favore.
    .voice = Dopo diversi codici errati bisogna attendere un po'. Dica di nuovo il codice tra { span }, per favore.
expired = Questo codice è scaduto. Ne chieda uno nuovo, per favore.
locked = Ci sono stati troppi codici errati. Potrà chiederne uno nuovo tra { span }.
no-challenge = Al momento non c'è nessun codice da verificare. Prima ne chieda uno, per favore.
already-verified = La Sua identità è già verificata.
cancelled = Il codice non funziona più. Se Le serve, ne chieda uno nuovo, per favore.

## Something is wrong here

redacted-input = Ci dispiace, non siamo riusciti a leggere il messaggio. Non è colpa Sua; avvisi la nostra assistenza, per favore.
unavailable = Ci dispiace, al momento non è possibile. Non è colpa Sua; riprovi più tardi, per favore.

## What else can be answered. At most 20 characters each, and understood when typed

option-resend = Invia di nuovo
option-change = Cambia indirizzo
option-cancel = Annulla
options = Può anche rispondere: { $options }.
    .voice = Può anche dire: { $options }.

## Between two options, and between two sentences

list-gap = { ", " }
sentence-gap = { " " }

## The text message, and what a call says

sms-text = { $code } è il Suo codice di verifica, valido per { span }. Non lo comunichi a nessuno.
call-lead = Salve. Il Suo codice di verifica è:
call-again = Ancora una volta:

## The mail

mail-subject = Il Suo codice di verifica
mail-subject-product = Il Suo codice di verifica { $product }
mail-subject-test = Prova: il Suo codice di verifica
mail-lead = Scriva questo codice nella chat in cui lo ha chiesto:
mail-lead-product = Scriva questo codice nella chat di { $product } in cui lo ha chiesto:
mail-lead-test = Questa è una prova. Il codice qui sotto è inventato e non verifica nulla:
mail-valid = Resta valido per { span }.
mail-secret = Non lo comunichi a nessuno. Non glielo chiederemo mai per telefono o per e-mail.
mail-ignore = Se non ha chiesto questo codice, può ignorare questa e-mail.
mail-support = Ha bisogno di aiuto? { $support }
