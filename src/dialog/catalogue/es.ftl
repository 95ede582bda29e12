# What botkit-otp says in Spanish; en.ftl explains the variables.

a-code = { $kind ->
    [digits] un código de { $length } dígitos
   *[characters] un código de { $length } caracteres
}
the-code = { $kind ->
    [digits] el código de { $length } dígitos
   *[characters] el código de { $length } caracteres
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

greeting = ¡Hola! Vamos a comprobar que es usted.
ask-address = ¿A qué dirección de correo podemos enviarle un código?
ask-other-address = Por favor, escriba la dirección de correo que debemos usar en su lugar.
    .voice = ¿Qué dirección de correo debemos usar en su lugar?
ask-number = ¿A qué número de móvil podemos enviarle un código? Empiece por el prefijo del país, por ejemplo +34 612 345 678.
    .voice = ¿A qué número de móvil podemos enviarle un código? Empiece por el prefijo del país.
ask-either = ¿A qué dirección de correo o número de móvil podemos enviarle un código?
ask-other-number = Por favor, escriba el número de móvil que debemos usar en su lugar, con el prefijo del país.
    .voice = ¿Qué número de móvil debemos usar en su lugar?

## A code is sent

sent = Hemos enviado { a-code } a { $to }. Escríbalo aquí, por favor. Es válido durante { span }.
    .voice = Le hemos enviado { a-code }. Dígalo carácter por carácter, por favor. Es válido durante { span }.
sent-again = Hemos enviado un código nuevo a { $to }. Solo sirve el más reciente. Es válido durante { span }.
    .voice = Le hemos enviado un código nuevo. Solo sirve el más reciente. Es válido durante { span }.
calling = Estamos llamando a { $to } para decirle { a-code }. Escríbalo aquí, por favor. Es válido durante { span }.
    .voice = Le estamos llamando para decirle { a-code }. Es válido durante { span }.
queued = Estamos enviando { a-code } a { $to }. Escríbalo aquí cuando le llegue, por favor.
    .voice = Le estamos enviando { a-code }. Dígalo cuando le llegue, por favor.
generated = Por favor, escriba { the-code } que le enviamos.
    .voice = Por favor, diga { the-code } que le enviamos.
cooldown = Hay un código en camino a { $to }. Si no le llega, podrá pedir otro dentro de { span }.
    .voice = Hay un código en camino. Si no le llega, podrá pedir otro dentro de { span }.
cooldown-over = Podrá pedir un código nuevo dentro de { span }.
limit-reached = Ya hemos enviado varios códigos. Podrá pedir otro dentro de { span }.
limit-reached-live = El último código que enviamos todavía sirve. Podrá pedir otro dentro de { span }.
busy = Ahora mismo no podemos enviar códigos. Podrá pedir uno dentro de { span }.
halted = Ahora mismo no podemos enviar códigos a ese teléfono. Podrá pedir otro dentro de { span }.
halted-use-mail = Ahora mismo no podemos enviar códigos a ese teléfono. Escriba una dirección de correo en su lugar, o vuelva a pedirlo dentro de { span }.
    .voice = Ahora mismo no podemos enviar códigos a ese teléfono. ¿Qué dirección de correo debemos usar en su lugar?
send-failed = Lo sentimos, ahora mismo no hemos podido enviar el código. Pídalo de nuevo, por favor.
undeliverable = No hemos podido entregar el correo a { $to }. Revise la dirección o use otra, por favor.
    .voice = No hemos podido entregar el correo a esa dirección. ¿Qué dirección de correo debemos usar en su lugar?
undeliverable-enrolled = No hemos podido entregar el código a { $to }. Póngase en contacto con nuestro equipo de atención, por favor.
    .voice = No hemos podido entregar el código en la dirección que tenemos. Póngase en contacto con nuestro equipo de atención, por favor.
undeliverable-number = No hemos podido comunicarnos con { $to }. Revise el número o use otro, por favor.
    .voice = No hemos podido comunicarnos con ese número. ¿Qué número de móvil debemos usar en su lugar?
invalid-destination = No podemos enviar un código a esa dirección. Escriba su dirección de correo, por ejemplo name@example.com.
    .voice = No podemos enviar un código a esa dirección. ¿Qué dirección de correo debemos usar?
invalid-number = No podemos enviar un código a ese número. Escriba su número de móvil con el prefijo del país, por ejemplo +34 612 345 678.
    .voice = No podemos enviar un código a ese número. ¿Qué número de móvil debemos usar?
invalid-either = No podemos enviar un código ahí. Escriba una dirección de correo, por ejemplo name@example.com, o un número de móvil, por ejemplo +34 612 345 678.
    .voice = No podemos enviar un código ahí. ¿Qué dirección de correo o número de móvil debemos usar?
several-addresses = Hay más de una dirección. Envíe solo la que debemos usar, por favor.
    .voice = He oído más de una dirección. Diga solo la que debemos usar, por favor.
enrolled-only = Solo podemos enviar el código a la dirección de correo que tenemos registrada para usted.
nothing-enrolled = No tenemos ninguna dirección de correo suya, así que no podemos enviarle un código. Póngase en contacto con nuestro equipo de atención, por favor.
enrolled-only-number = Solo podemos enviar el código al número de teléfono que tenemos registrado para usted.

## A code is checked

verified = Gracias, el código es correcto. Su identidad ha quedado verificada.
incorrect = Ese código no es correcto. Revíselo e inténtelo de nuevo. { $left ->
        [one] Le queda { $left } intento
       *[other] Le quedan { $left } intentos
    }.
superseded = Ese código es anterior. Escriba el del mensaje más reciente. No se le ha descontado ningún intento.
    .voice = Ese código es anterior. Diga el del mensaje más reciente. No se le ha descontado ningún intento.
unrecognized = Por favor, escriba { the-code } que enviamos a { $to }.
    .voice = Por favor, diga { the-code } que le enviamos.
several-codes = Parece que hay más de un código. Envíe solo { the-code }. No se le ha descontado ningún intento.
    .voice = He oído más de un código. Diga solo { the-code }. No se le ha descontado ningún intento.
not-a-code = Eso no parece { the-code }. Envíe solo el código. No se le ha descontado ningún intento.
    .voice = No he oído { the-code }. Diga solo el código. No se le ha descontado ningún intento.
too-soon = Tras varios códigos incorrectos hay que esperar un poco. Escriba el código de nuevo dentro de { span }, por favor.
    .voice = Tras varios códigos incorrectos hay que esperar un poco. Diga el código de nuevo dentro de { span }, por favor.
expired = Ese código ha caducado. Pida uno nuevo, por favor.
locked = Ha habido demasiados códigos incorrectos. Podrá pedir uno nuevo dentro de { span }.
no-challenge = Ahora mismo no hay ningún código que comprobar. Pida uno primero, por favor.
already-verified = Su identidad ya está verificada.
cancelled = El código ya no sirve. Si lo necesita, pida uno nuevo, por favor.

## Something is wrong here

redacted-input = Lo sentimos, no hemos podido leer su mensaje. No es culpa suya; avise a nuestro equipo de soporte, por favor.
unavailable = Lo sentimos, ahora mismo no podemos hacerlo. No es culpa suya; inténtelo más tarde, por favor.

## What else can be answered. At most 20 characters each, and understood when typed

option-resend = Reenviar código
option-change = Cambiar correo
option-cancel = Cancelar
options = También puede responder: { $options }.
    .voice = También puede decir: { $options }.

## Between two options, and between two sentences

list-gap = { ", " }
sentence-gap = { " " }

## The text message, and what a call says

sms-text = { $code } es su clave de acceso. Vence en { span }. No la comparta con nadie.
call-lead = Hola. Su código de verificación es:
call-again = Una vez más:

## The mail

mail-subject = Su código de verificación
mail-subject-product = Su código de verificación de { $product }
mail-subject-test = Prueba: su código de verificación
mail-lead = Escriba este código en el chat donde lo pidió:
mail-lead-product = Escriba este código en el chat de { $product } donde lo pidió:
mail-lead-test = Esto es una prueba. El código siguiente es inventado y no verifica nada:
mail-valid = Es válido durante { span }.
mail-secret = No lo comparta con nadie. Nunca se lo pediremos por teléfono ni por correo.
mail-ignore = Si usted no pidió este código, puede ignorar este correo.
mail-support = ¿Necesita ayuda? { $support }
