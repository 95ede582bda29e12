# What botkit-otp says in English. An operator's file of this name in messages.dir replaces single messages; a file of
# another name adds a language and has all of them.
#
#   $to       the masked address, such as m...a@example.com; never in what is spoken
#   $length   how many characters a code has       $kind   "digits" or "characters"
#   $count    how long, in whole units              $unit   "seconds", "minutes" or "hours"
#   $left     how many tries are left
#   $options  what else can be answered, as a list     $code   the code, in the text message
#   $product  messages.product                      $support  messages.support
#
# `.voice` is said instead on voice channels: short sentences to be heard, no addresses, no links.

a-code = { $kind ->
    [digits] { $length ->
        [8] an 8-digit code
       *[other] a { $length }-digit code
    }
   *[characters] { $length ->
        [8] an 8-character code
       *[other] a { $length }-character code
    }
}
the-code = { $kind ->
    [digits] the { $length }-digit code
   *[characters] the { $length }-character code
}
span = { $unit ->
    [seconds] { $count ->
        [one] { $count } second
       *[other] { $count } seconds
    }
    [minutes] { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
   *[hours] { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
}

## The dialog begins

greeting = Hello! Let us make sure that it is you.
ask-address = Which e-mail address may we send a code to?
ask-other-address = Please type the e-mail address that we should use instead.
    .voice = Which e-mail address should we use instead?
ask-number = Which mobile number may we send a code to? Please begin with the country code, like +44 7400 123456.
    .voice = Which mobile number may we send a code to? Please begin with the country code.
ask-either = Which e-mail address or mobile number may we send a code to?
ask-other-number = Please type the mobile number that we should use instead, with its country code.
    .voice = Which mobile number should we use instead?

## A code is sent

sent = We sent { a-code } to { $to }. Please type it here. It is valid for { span }.
    .voice = We sent you { a-code }. Please say it, { $kind ->
        [digits] one digit
       *[characters] one character
    } after the other. It is valid for { span }.
sent-again = We sent a new code to { $to }. Only the newest code works. It is valid for { span }.
    .voice = We sent you a new code. Only the newest code works. It is valid for { span }.
calling = We are calling { $to } to tell you { a-code }. Please type it here. It is valid for { span }.
    .voice = We are calling you to tell you { a-code }. It is valid for { span }.
queued = We are sending { a-code } to { $to }. Please type it here when it arrives.
    .voice = We are sending you { a-code }. Please say it when it arrives.
generated = Please type { the-code } we send you.
    .voice = Please say { the-code } we send you.
cooldown = A code is on its way to { $to }. If it does not arrive, you can ask for another in { span }.
    .voice = A code is on its way. If it does not arrive, you can ask for another in { span }.
cooldown-over = You can ask for a new code in { span }.
limit-reached = We have sent several codes already. You can ask for another in { span }.
limit-reached-live = The last code we sent still works. You can ask for another in { span }.
busy = We cannot send codes right now. You can ask again in { span }.
halted = We cannot send codes to that phone right now. You can ask again in { span }.
halted-use-mail = We cannot send codes to that phone right now. Please type an e-mail address instead, or ask again in { span }.
    .voice = We cannot send codes to that phone right now. Which e-mail address should we use instead?
send-failed = Sorry, we could not send the code just now. Please ask for it again.
undeliverable = We could not reach { $to }. Please check the address, or use another one.
    .voice = We could not reach that address. Which e-mail address should we use instead?
undeliverable-enrolled = We could not reach { $to }. Please contact our support team.
    .voice = We could not reach the address we have on file. Please contact our support team.
undeliverable-number = We could not reach { $to }. Please check the number, or use another one.
    .voice = We could not reach that number. Which mobile number should we use instead?
invalid-destination = We cannot send a code to that address. Please type your e-mail address, like name@example.com.
    .voice = We cannot send a code to that address. Which e-mail address should we use?
invalid-number = We cannot send a code to that number. Please type your mobile number with its country code, like +44 7400 123456.
    .voice = We cannot send a code to that number. Which mobile number should we use?
invalid-either = We cannot send a code there. Please type an e-mail address, like name@example.com, or a mobile number, like +44 7400 123456.
    .voice = We cannot send a code there. Which e-mail address or mobile number should we use?
several-addresses = That is more than one address. Please send just the one that we should use.
    .voice = That was more than one address. Please say just the one that we should use.
enrolled-only = We can only send the code to the e-mail address that we have on file for you.
nothing-enrolled = We have no e-mail address on file for you, so we cannot send a code. Please contact our support team.
enrolled-only-number = We can only send the code to the phone number that we have on file for you.

## A code is checked

verified = Thank you, that is the right code. You are verified.
incorrect = That is not the right code. Please check it and try again: { $left ->
        [one] { $left } try
       *[other] { $left } tries
    } left.
superseded = That is an older code. Please type the one from the newest message. This did not cost you a try.
    .voice = That is an older code. Please say the one from the newest message. This did not cost you a try.
unrecognized = Please type { the-code } that we sent to { $to }.
    .voice = Please say { the-code } that we sent you.
several-codes = That could be more than one code. Please send only { the-code }. This did not cost you a try.
    .voice = I heard more than one code. Please say only { the-code }. This did not cost you a try.
not-a-code = That does not look like { the-code }. Please send only the code. This did not cost you a try.
    .voice = I did not hear { the-code }. Please say only the code. This did not cost you a try.
too-soon = After several wrong codes the next one has to wait. Please type the code again in { span }.
    .voice = After several wrong codes the next one has to wait. Please say the code again in { span }.
expired = That code has expired. Please ask for a new one.
locked = There were too many wrong codes. You can ask for a new code in { span }.
no-challenge = There is no code to check right now. Please ask for one first.
already-verified = You are already verified.
cancelled = The code no longer works. If you need one, please ask for a new one.

## Something is wrong here

redacted-input = Sorry, we could not read that. It is not your mistake; please tell our support team.
unavailable = Sorry, we cannot do this right now. It is not your mistake; please try again later.

## What else can be answered. At most 20 characters each, and understood when typed

option-resend = Resend code
option-change = Change address
option-cancel = Cancel
options = You can also reply: { $options }.
    .voice = You can also say: { $options }.

## Between two options, and between two sentences

list-gap = { ", " }
sentence-gap = { " " }

## The text message, and what a call says before the code and before saying it again. Where the alphabet allows, the
## text message uses the characters of GSM 03.38 only: with any other one it costs twice as much

sms-text = { $code } is your verification code, valid for { span }. Do not share it with anyone.
call-lead = Hello. Your verification code is:
call-again = Once more:

## The mail. What ends in -product is said where messages.product is set, mail-support where messages.support is;
## what ends in -test in the mail of `botkit-otp check --send-test`

mail-subject = Your verification code
mail-subject-product = Your { $product } verification code
mail-subject-test = Test: your verification code
mail-lead = Type this code in the chat where you asked for it:
mail-lead-product = Type this code in the { $product } chat where you asked for it:
mail-lead-test = This is a test. The code below is made up and verifies nothing:
mail-valid = It is valid for { span }.
mail-secret = Keep it to yourself. We will never ask you for it by phone or mail.
mail-ignore = If you did not ask for this code, you can ignore this mail.
mail-support = Need help? { $support }
