# What botkit-otp says in Portuguese; en.ftl explains the variables.

a-code = { $kind ->
    [digits] um código de { $length } dígitos
   *[characters] um código de { $length } caracteres
}
the-code = { $kind ->
    [digits] o código de { $length } dígitos
   *[characters] o código de { $length } caracteres
}
span = { $unit ->
    [seconds] { $count ->
        [one] { $count } segundo
       *[other] { $count } segundos
    }
    [minutes] { $count ->
        [one] { $count } minuto
       *[other] { $count } minutos
    }
   *[hours] { $count ->
        [one] { $count } hora
       *[other] { $count } horas
    }
}

## The dialog begins

greeting = Olá! Vamos confirmar que é você.
ask-address = Para qual endereço de e-mail podemos enviar um código?
ask-other-address = Por favor, escreva o endereço de e-mail que devemos usar em vez do anterior.
    .voice = Qual é o endereço de e-mail que devemos usar em vez do anterior?
ask-number = Para qual número de celular podemos enviar um código? Comece pelo código do país, por exemplo +55 11 96123-4567.
    .voice = Para qual número de celular podemos enviar um código? Comece pelo código do país.
ask-either = Para qual endereço de e-mail ou número de celular podemos enviar um código?
ask-other-number = Por favor, escreva o número de celular que devemos usar em vez do anterior, com o código do país.
    .voice = Qual é o número de celular que devemos usar em vez do anterior?

## A code is sent

sent = Enviamos { a-code } para { $to }. Escreva o código aqui, por favor. É válido por { span }.
    .voice = Enviamos { a-code }. Diga o código, um caractere de cada vez, por favor. É válido por { span }.
sent-again = Enviamos um código novo para { $to }. Só o mais recente funciona. É válido por { span }.
    .voice = Enviamos um código novo. Só o mais recente funciona. É válido por { span }.
calling = Estamos ligando para { $to } para informar { a-code }. Escreva o código aqui, por favor. É válido por { span }.
    .voice = Estamos ligando para informar { a-code }. É válido por { span }.
queued = Em instantes enviaremos { a-code } para { $to }. Escreva o código aqui quando chegar, por favor.
    .voice = Em instantes enviaremos { a-code }. Diga o código quando chegar, por favor.
generated = Por favor, escreva { the-code } que enviamos.
    .voice = Por favor, diga { the-code } que enviamos.
cooldown = Há um código a caminho de { $to }. Se não chegar, pode pedir outro daqui a { span }.
    .voice = Há um código a caminho. Se não chegar, pode pedir outro daqui a { span }.
cooldown-over = Pode pedir um código novo daqui a { span }.
limit-reached = Já enviamos vários códigos. Pode pedir outro daqui a { span }.
limit-reached-live = O último código que enviamos ainda funciona. Pode pedir outro daqui a { span }.
busy = No momento não podemos enviar códigos. Pode pedir um daqui a { span }.
halted = No momento não podemos enviar códigos para esse telefone. Pode pedir outro daqui a { span }.
halted-use-mail = No momento não podemos enviar códigos para esse telefone. Escreva um endereço de e-mail em vez dele, ou peça novamente daqui a { span }.
    .voice = No momento não podemos enviar códigos para esse telefone. Qual é o endereço de e-mail que devemos usar em vez dele?
send-failed = Desculpe, não conseguimos enviar o código agora. Peça novamente, por favor.
undeliverable = Não conseguimos entregar o e-mail para { $to }. Verifique o endereço ou use outro, por favor.
    .voice = Não conseguimos entregar o e-mail nesse endereço. Qual é o endereço de e-mail que devemos usar em vez dele?
undeliverable-enrolled = Não conseguimos entregar a mensagem a { $to }. Fale com o nosso suporte, por favor.
    .voice = Não conseguimos entregar a mensagem no endereço que temos. Fale com o nosso suporte, por favor.
undeliverable-number = Não conseguimos contactar { $to }. Verifique o número ou use outro, por favor.
    .voice = Não conseguimos contactar esse número. Qual é o número de celular que devemos usar em vez dele?
invalid-destination = Não podemos enviar um código para esse endereço. Escreva o seu endereço de e-mail, por exemplo name@example.com.
    .voice = Não podemos enviar um código para esse endereço. Qual é o endereço de e-mail que devemos usar?
invalid-number = Não podemos enviar um código para esse número. Escreva o seu número de celular com o código do país, por exemplo +55 11 96123-4567.
    .voice = Não podemos enviar um código para esse número. Qual é o número de celular que devemos usar?
invalid-either = Não podemos enviar um código para lá. Escreva um endereço de e-mail, por exemplo name@example.com, ou um número de celular, por exemplo +55 11 96123-4567.
    .voice = Não podemos enviar um código para lá. Qual é o endereço de e-mail ou número de celular que devemos usar?
several-addresses = Há mais de um endereço. Envie apenas aquele que devemos usar, por favor.
    .voice = Ouvi mais de um endereço. Diga apenas aquele que devemos usar, por favor.
enrolled-only = Só podemos enviar o código para o endereço de e-mail que consta nos seus dados.
nothing-enrolled = Não temos nenhum endereço de e-mail seu e por isso não podemos enviar um código. Fale com o nosso suporte, por favor.
enrolled-only-number = Só podemos enviar o código para o número de telefone que consta nos seus dados.

## A code is checked

verified = Obrigado, o código está certo. A sua identidade foi confirmada.
incorrect = Esse código não está certo. Verifique e tente de novo, por favor. { $left ->
        [one] Resta { $left } tentativa
       *[other] Restam { $left } tentativas
    }.
superseded = Esse código é mais antigo. Escreva o da mensagem mais recente. Isso não contou como tentativa.
    .voice = Esse código é mais antigo. Diga o da mensagem mais recente. Isso não contou como tentativa.
unrecognized = Por favor, escreva { the-code } que enviamos para { $to }.
    .voice = Por favor, diga { the-code } que enviamos.
several-codes = Parece haver mais de um código. Envie apenas { the-code }. Isso não contou como tentativa.
    .voice = Ouvi mais de um código. Diga apenas { the-code }. Isso não contou como tentativa.
not-a-code = Isso não parece ser { the-code }. Envie apenas o código. Isso não contou como tentativa.
    .voice = Não ouvi { the-code }. Diga apenas o código. Isso não contou como tentativa.
too-soon = Depois de vários códigos errados é preciso esperar um pouco. Escreva o código de novo daqui a { span }, por favor.
    .voice = Depois de vários códigos errados é preciso esperar um pouco. Diga o código de novo daqui a { span }, por favor.
expired = Esse código expirou. Peça um novo, por favor.
locked = O limite de códigos errados foi atingido. Pode pedir um código novo daqui a { span }.
no-challenge = Não há nenhum código para verificar agora. Peça um primeiro, por favor.
already-verified = A sua identidade já foi confirmada.
cancelled = O código deixou de funcionar. Se precisar, peça um novo, por favor.

## Something is wrong here

redacted-input = Desculpe, não conseguimos ler a mensagem. A falha não é sua; avise o nosso suporte, por favor.
unavailable = Desculpe, não podemos fazer isso agora. A falha não é sua; tente mais tarde, por favor.

## What else can be answered. At most 20 characters each, and understood when typed

option-resend = Reenviar código
option-change = Mudar o e-mail
option-cancel = Cancelar
options = Também pode responder: { $options }.
    .voice = Também pode dizer: { $options }.

## Between two options, and between two sentences

list-gap = { ", " }
sentence-gap = { " " }

## The text message, and what a call says

sms-text = { $code } é a sua senha de acesso. Expira em { span }. Nunca a informe a ninguém.
call-lead = Olá. O seu código de verificação é:
call-again = Mais uma vez:

## The mail

mail-subject = O seu código de verificação
mail-subject-product = O seu código de verificação { $product }
mail-subject-test = Teste: o seu código de verificação
mail-lead = Escreva este código no chat onde o pediu:
mail-lead-product = Escreva este código no chat { $product } onde o pediu:
mail-lead-test = Isto é um teste. O código abaixo é inventado e não verifica nada:
mail-valid = É válido por { span }.
mail-secret = Não passe este código a ninguém. Nunca o pediremos por telefone nem por e-mail.
mail-ignore = Se não pediu este código, pode ignorar este e-mail.
mail-support = Precisa de ajuda? { $support }
