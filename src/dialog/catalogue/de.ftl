# What botkit-otp says in German; en.ftl explains the variables.

a-code = { $kind ->
    [digits] einen { $length }-stelligen Code
   *[characters] einen Code mit { $length } Zeichen
}
the-code = { $kind ->
    [digits] den { $length }-stelligen Code
   *[characters] den Code mit { $length } Zeichen
}
span = { $unit ->
    [seconds] { $count ->
        [one] { $count } Sekunde
       *[other] { $count } Sekunden
    }
    [minutes] { $count ->
        [one] { $count } Minute
       *[other] { $count } Minuten
    }
   *[hours] { $count ->
        [one] { $count } Stunde
       *[other] { $count } Stunden
    }
}

## The dialog begins

greeting = Hallo! Wir möchten sichergehen, dass Sie es sind.
ask-address = An welche E-Mail-Adresse dürfen wir einen Code schicken?
ask-other-address = Bitte geben Sie die E-Mail-Adresse ein, die wir stattdessen verwenden sollen.
    .voice = Welche E-Mail-Adresse sollen wir stattdessen verwenden?
ask-number = An welche Mobilnummer dürfen wir einen Code schicken? Bitte mit Ländervorwahl, zum Beispiel +49 1512 3456789.
    .voice = An welche Mobilnummer dürfen wir einen Code schicken? Bitte beginnen Sie mit der Ländervorwahl.
ask-either = An welche E-Mail-Adresse oder Mobilnummer dürfen wir einen Code schicken?
ask-other-number = Bitte geben Sie die Mobilnummer mit Ländervorwahl ein, die wir stattdessen verwenden sollen.
    .voice = Welche Mobilnummer sollen wir stattdessen verwenden?

## A code is sent

sent = Wir haben { a-code } an { $to } geschickt. Bitte geben Sie ihn hier ein. Er ist { span } gültig.
    .voice = Wir haben Ihnen { a-code } geschickt. Bitte sagen Sie ihn, ein Zeichen nach dem anderen. Er ist { span } gültig.
sent-again = Wir haben einen neuen Code an { $to } geschickt. Nur der neueste Code funktioniert. Er ist { span } gültig.
    .voice = Wir haben Ihnen einen neuen Code geschickt. Nur der neueste Code funktioniert. Er ist { span } gültig.
calling = Wir rufen { $to } an und sagen Ihnen { a-code }. Bitte geben Sie ihn hier ein. Er ist { span } gültig.
    .voice = Wir rufen Sie an und sagen Ihnen { a-code }. Er ist { span } gültig.
queued = Wir senden gerade { a-code } an { $to }. Bitte geben Sie ihn hier ein, sobald er da ist.
    .voice = Wir senden Ihnen gerade { a-code }. Bitte sagen Sie ihn, sobald er da ist.
generated = Bitte geben Sie { the-code } ein, den wir Ihnen schicken.
    .voice = Bitte sagen Sie { the-code }, den wir Ihnen schicken.
cooldown = Ein Code ist unterwegs an { $to }. Falls er nicht ankommt, können Sie in { span } einen neuen anfordern.
    .voice = Ein Code ist unterwegs. Falls er nicht ankommt, können Sie in { span } einen neuen anfordern.
cooldown-over = Sie können in { span } einen neuen Code anfordern.
limit-reached = Wir haben schon mehrere Codes geschickt. Sie können in { span } einen weiteren anfordern.
limit-reached-live = Der zuletzt geschickte Code funktioniert noch. Sie können in { span } einen weiteren anfordern.
busy = Wir können gerade keine Codes schicken. Sie können in { span } wieder fragen.
halted = An dieses Telefon können wir gerade keine Codes schicken. Sie können in { span } wieder fragen.
halted-use-mail = An dieses Telefon können wir gerade keine Codes schicken. Bitte geben Sie stattdessen eine E-Mail-Adresse ein oder fragen Sie in { span } wieder.
    .voice = An dieses Telefon können wir gerade keine Codes schicken. Welche E-Mail-Adresse sollen wir stattdessen verwenden?
send-failed = Leider konnten wir den Code gerade nicht senden. Bitte fordern Sie ihn noch einmal an.
undeliverable = Wir konnten { $to } nicht erreichen. Bitte prüfen Sie die Adresse oder nehmen Sie eine andere.
    .voice = Wir konnten diese Adresse nicht erreichen. Welche E-Mail-Adresse sollen wir stattdessen verwenden?
undeliverable-enrolled = Wir konnten { $to } nicht erreichen. Bitte wenden Sie sich an unseren Kundendienst.
    .voice = Wir konnten die hinterlegte Adresse nicht erreichen. Bitte wenden Sie sich an unseren Kundendienst.
undeliverable-number = Wir konnten { $to } nicht erreichen. Bitte prüfen Sie die Nummer oder nehmen Sie eine andere.
    .voice = Wir konnten diese Nummer nicht erreichen. Welche Mobilnummer sollen wir stattdessen verwenden?
invalid-destination = An diese Adresse können wir keinen Code schicken. Bitte geben Sie Ihre E-Mail-Adresse ein, zum Beispiel name@example.com.
    .voice = An diese Adresse können wir keinen Code schicken. Welche E-Mail-Adresse sollen wir verwenden?
invalid-number = An diese Nummer können wir keinen Code schicken. Bitte geben Sie Ihre Mobilnummer mit Ländervorwahl ein, zum Beispiel +49 1512 3456789.
    .voice = An diese Nummer können wir keinen Code schicken. Welche Mobilnummer sollen wir verwenden?
invalid-either = Dorthin können wir keinen Code schicken. Bitte geben Sie eine E-Mail-Adresse ein, zum Beispiel name@example.com, oder eine Mobilnummer, zum Beispiel +49 1512 3456789.
    .voice = Dorthin können wir keinen Code schicken. Welche E-Mail-Adresse oder Mobilnummer sollen wir verwenden?
several-addresses = Das ist mehr als eine Adresse. Bitte senden Sie nur die, die wir verwenden sollen.
    .voice = Das war mehr als eine Adresse. Bitte sagen Sie nur die, die wir verwenden sollen.
enrolled-only = Wir können den Code nur an die E-Mail-Adresse schicken, die bei uns für Sie hinterlegt ist.
nothing-enrolled = Wir haben keine E-Mail-Adresse von Ihnen und können deshalb keinen Code schicken. Bitte wenden Sie sich an unseren Kundendienst.
enrolled-only-number = Wir können den Code nur an die Telefonnummer schicken, die bei uns für Sie hinterlegt ist.

## A code is checked

verified = Danke, das ist der richtige Code. Ihre Identität ist bestätigt.
incorrect = Das ist nicht der richtige Code. Bitte prüfen Sie ihn und versuchen Sie es noch einmal. Sie haben noch { $left ->
        [one] { $left } Versuch
       *[other] { $left } Versuche
    }.
superseded = Das ist ein älterer Code. Bitte geben Sie den aus der neuesten Nachricht ein. Das hat Sie keinen Versuch gekostet.
    .voice = Das ist ein älterer Code. Bitte sagen Sie den aus der neuesten Nachricht. Das hat Sie keinen Versuch gekostet.
unrecognized = Bitte geben Sie { the-code } ein, den wir an { $to } geschickt haben.
    .voice = Bitte sagen Sie { the-code }, den wir Ihnen geschickt haben.
several-codes = Das könnte mehr als ein Code sein. Bitte senden Sie nur { the-code }. Das hat Sie keinen Versuch gekostet.
    .voice = Ich habe mehr als einen Code gehört. Bitte sagen Sie nur { the-code }. Das hat Sie keinen Versuch gekostet.
not-a-code = Darin haben wir { the-code } nicht erkannt. Bitte senden Sie nur den Code. Das hat Sie keinen Versuch gekostet.
    .voice = Ich habe { the-code } nicht gehört. Bitte sagen Sie nur den Code. Das hat Sie keinen Versuch gekostet.
too-soon = Nach mehreren falschen Codes müssen wir kurz warten. Bitte geben Sie den Code in { span } noch einmal ein.
    .voice = Nach mehreren falschen Codes müssen wir kurz warten. Bitte sagen Sie den Code in { span } noch einmal.
expired = Dieser Code ist abgelaufen. Bitte fordern Sie einen neuen an.
locked = Das waren zu viele falsche Codes. Sie können in { span } einen neuen Code anfordern.
no-challenge = Im Moment gibt es keinen Code zu prüfen. Bitte fordern Sie zuerst einen an.
already-verified = Ihre Identität ist bereits bestätigt.
cancelled = Der Code funktioniert nicht mehr. Wenn Sie einen brauchen, fordern Sie bitte einen neuen an.

## Something is wrong here

redacted-input = Leider konnten wir das nicht lesen. Es liegt nicht an Ihnen; bitte geben Sie unserem Support-Team Bescheid.
unavailable = Leider geht das gerade nicht. Es liegt nicht an Ihnen; bitte versuchen Sie es später noch einmal.

## What else can be answered. At most 20 characters each, and understood when typed

option-resend = Neuer Code
option-change = Andere Adresse
option-cancel = Abbrechen
options = Sie können auch antworten: { $options }.
    .voice = Sie können auch sagen: { $options }.

## Between two options, and between two sentences

list-gap = { ", " }
sentence-gap = { " " }

## The text message, and what a call says

sms-text = { $code } ist Ihr Bestätigungscode, { span } gültig. Geben Sie ihn an niemanden weiter.
call-lead = Guten Tag. Ihr Bestätigungscode lautet:
call-again = Noch einmal:

## The mail

mail-subject = Ihr Bestätigungscode
mail-subject-product = Ihr Bestätigungscode für { $product }
mail-subject-test = Test: Ihr Bestätigungscode
mail-lead = Geben Sie diesen Code in dem Chat ein, in dem Sie ihn angefordert haben:
mail-lead-product = Geben Sie diesen Code in dem Chat mit { $product } ein, in dem Sie ihn angefordert haben:
mail-lead-test = Dies ist ein Test. Der folgende Code ist erfunden und bestätigt nichts:
mail-valid = Er ist { span } gültig.
mail-secret = Behalten Sie ihn für sich. Wir werden Sie nie per Telefon oder E-Mail danach fragen.
mail-ignore = Wenn Sie diesen Code nicht angefordert haben, können Sie diese E-Mail ignorieren.
mail-support = Brauchen Sie Hilfe? { $support }
