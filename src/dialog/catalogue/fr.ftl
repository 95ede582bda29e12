# What botkit-otp says in French; en.ftl explains the variables.

a-code = { $kind ->
    [digits] un code à { $length } chiffres
   *[characters] un code à { $length } caractères
}
the-code = { $kind ->
    [digits] le code à { $length } chiffres
   *[characters] le code à { $length } caractères
}
span = { $unit ->
    [seconds] { $count ->
        [one] { $count } seconde
       *[other] { $count } secondes
    }
    [minutes] { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
   *[hours] { $count ->
        [one] { $count } heure
       *[other] { $count } heures
    }
}

## The dialog begins

greeting = Bonjour ! Assurons-nous que c’est bien vous.
ask-address = À quelle adresse e-mail pouvons-nous envoyer un code ?
ask-other-address = Veuillez saisir l’adresse e-mail à utiliser à la place.
    .voice = Quelle adresse e-mail devons-nous utiliser à la place ?
ask-number = À quel numéro de mobile pouvons-nous envoyer un code ? Commencez par l’indicatif du pays, par exemple +33 6 12 34 56 78.
    .voice = À quel numéro de mobile pouvons-nous envoyer un code ? Commencez par l’indicatif du pays.
ask-either = À quelle adresse e-mail ou à quel numéro de mobile pouvons-nous envoyer un code ?
ask-other-number = Veuillez saisir le numéro de mobile à utiliser à la place, avec l’indicatif du pays.
    .voice = Quel numéro de mobile devons-nous utiliser à la place ?

## A code is sent

sent = Nous avons envoyé { a-code } à l’adresse { $to }. Veuillez le saisir ici. Il est valable { span }.
    .voice = Nous vous avons envoyé { a-code }. Veuillez le dire, un caractère après l’autre. Il est valable { span }.
sent-again = Nous avons envoyé un nouveau code à { $to }. Seul le plus récent fonctionne. Il est valable { span }.
    .voice = Nous vous avons envoyé un nouveau code. Seul le plus récent fonctionne. Il est valable { span }.
calling = Nous appelons le { $to } pour vous donner { a-code }. Veuillez le saisir ici. Il est valable { span }.
    .voice = Nous vous appelons pour vous donner { a-code }. Il est valable { span }.
queued = Nous envoyons { a-code } à l’adresse { $to }. Veuillez le saisir ici dès que vous le recevez.
    .voice = Nous vous envoyons { a-code }. Veuillez le dire dès que vous le recevez.
generated = Veuillez saisir { the-code } que nous vous envoyons.
    .voice = Veuillez dire { the-code } que nous vous envoyons.
cooldown = Un code est en route vers { $to }. S’il n’arrive pas, vous pourrez en demander un autre dans { span }.
    .voice = Un code est en route. S’il n’arrive pas, vous pourrez en demander un autre dans { span }.
cooldown-over = Vous pourrez demander un nouveau code dans { span }.
limit-reached = Nous avons déjà envoyé plusieurs codes. Vous pourrez en demander un autre dans { span }.
limit-reached-live = Le dernier code envoyé fonctionne toujours. Vous pourrez en demander un autre dans { span }.
busy = Nous ne pouvons pas envoyer de code pour le moment. Vous pourrez en redemander un dans { span }.
halted = Nous ne pouvons pas envoyer de code à ce téléphone pour le moment. Vous pourrez en redemander un dans { span }.
halted-use-mail = Nous ne pouvons pas envoyer de code à ce téléphone pour le moment. Veuillez saisir une adresse e-mail à la place, ou redemander un code dans { span }.
    .voice = Nous ne pouvons pas envoyer de code à ce téléphone pour le moment. Quelle adresse e-mail devons-nous utiliser à la place ?
send-failed = Désolés, nous n’avons pas pu envoyer le code. Veuillez le redemander.
undeliverable = Nous n’avons pas pu joindre { $to }. Veuillez vérifier l’adresse ou en utiliser une autre.
    .voice = Nous n’avons pas pu joindre cette adresse. Quelle adresse e-mail devons-nous utiliser à la place ?
undeliverable-enrolled = Nous n’avons pas pu joindre { $to }. Veuillez contacter notre assistance.
    .voice = Nous n’avons pas pu joindre l’adresse enregistrée. Veuillez contacter notre assistance.
undeliverable-number = Nous n’avons pas pu joindre le { $to }. Veuillez vérifier le numéro ou en utiliser un autre.
    .voice = Nous n’avons pas pu joindre ce numéro. Quel numéro de mobile devons-nous utiliser à la place ?
invalid-destination = Nous ne pouvons pas envoyer de code à cette adresse. Veuillez saisir votre adresse e-mail, par exemple name@example.com.
    .voice = Nous ne pouvons pas envoyer de code à cette adresse. Quelle adresse e-mail devons-nous utiliser ?
invalid-number = Nous ne pouvons pas envoyer de code à ce numéro. Veuillez saisir votre numéro de mobile avec l’indicatif du pays, par exemple +33 6 12 34 56 78.
    .voice = Nous ne pouvons pas envoyer de code à ce numéro. Quel numéro de mobile devons-nous utiliser ?
invalid-either = Nous ne pouvons pas y envoyer de code. Veuillez saisir une adresse e-mail, par exemple name@example.com, ou un numéro de mobile, par exemple +33 6 12 34 56 78.
    .voice = Nous ne pouvons pas y envoyer de code. Quelle adresse e-mail ou quel numéro de mobile devons-nous utiliser ?
several-addresses = Il y a plusieurs adresses. Veuillez n’envoyer que celle que nous devons utiliser.
    .voice = J’ai entendu plusieurs adresses. Veuillez ne dire que celle que nous devons utiliser.
enrolled-only = Nous ne pouvons envoyer le code qu’à l’adresse e-mail enregistrée à votre nom.
nothing-enrolled = Nous n’avons aucune adresse e-mail pour vous et ne pouvons donc pas envoyer de code. Veuillez contacter notre assistance.
enrolled-only-number = Nous ne pouvons envoyer le code qu’au numéro de téléphone enregistré à votre nom.

## A code is checked

verified = Merci, c’est le bon code. Votre identité est vérifiée.
incorrect = Ce n’est pas le bon code. Veuillez le vérifier et réessayer. Il vous reste { $left ->
        [one] { $left } essai
       *[other] { $left } essais
    }.
superseded = C’est un ancien code. Veuillez saisir celui du message le plus récent. Cela ne compte pas comme un essai.
    .voice = C’est un ancien code. Veuillez dire celui du message le plus récent. Cela ne compte pas comme un essai.
unrecognized = Veuillez saisir { the-code } que nous avons envoyé à { $to }.
    .voice = Veuillez dire { the-code } que nous vous avons envoyé.
several-codes = Il y a peut-être plusieurs codes. Veuillez n’envoyer que { the-code }. Cela ne compte pas comme un essai.
    .voice = J’ai entendu plusieurs codes. Veuillez ne dire que { the-code }. Cela ne compte pas comme un essai.
not-a-code = Nous n’avons pas reconnu { the-code }. Veuillez n’envoyer que le code. Cela ne compte pas comme un essai.
    .voice = Je n’ai pas entendu { the-code }. Veuillez ne dire que le code. Cela ne compte pas comme un essai.
too-soon = Après plusieurs codes incorrects, il faut patienter un peu. Veuillez saisir le code à nouveau dans { span }.
    .voice = Après plusieurs codes incorrects, il faut patienter un peu. Veuillez redire le code dans { span }.
expired = Ce code a expiré. Veuillez en demander un nouveau.
locked = Il y a eu trop de codes incorrects. Vous pourrez demander un nouveau code dans { span }.
no-challenge = Il n’y a pas de code à vérifier pour le moment. Veuillez d’abord en demander un.
already-verified = Votre identité est déjà vérifiée.
cancelled = Le code ne fonctionne plus. Si vous en avez besoin, veuillez en demander un nouveau.

## Something is wrong here

redacted-input = Désolés, nous n’avons pas pu lire votre message. Ce n’est pas votre faute ; veuillez prévenir notre équipe d’assistance.
unavailable = Désolés, nous ne pouvons pas faire cela pour le moment. Ce n’est pas votre faute ; veuillez réessayer plus tard.

## What else can be answered. At most 20 characters each, and understood when typed

option-resend = Renvoyer le code
option-change = Changer d’adresse
option-cancel = Annuler
options = Vous pouvez aussi répondre : { $options }.
    .voice = Vous pouvez aussi dire : { $options }.

## Between two options, and between two sentences

list-gap = { ", " }
sentence-gap = { " " }

## The text message, and what a call says

sms-text = { $code } est votre code de vérification, valable { span }. Ne le communiquez à personne.
call-lead = Bonjour. Votre code de vérification est :
call-again = Encore une fois :

## The mail

mail-subject = Votre code de vérification
mail-subject-product = Votre code de vérification { $product }
mail-subject-test = Test : votre code de vérification
mail-lead = Saisissez ce code dans la conversation où vous l’avez demandé :
mail-lead-product = Saisissez ce code dans la conversation { $product } où vous l’avez demandé :
mail-lead-test = Ceci est un test. Le code ci-dessous est inventé et ne vérifie rien :
mail-valid = Il est valable { span }.
mail-secret = Gardez-le pour vous. Nous ne vous le demanderons jamais par téléphone ni par e-mail.
mail-ignore = Si vous n’avez pas demandé ce code, vous pouvez ignorer cet e-mail.
mail-support = Besoin d’aide ? { $support }
