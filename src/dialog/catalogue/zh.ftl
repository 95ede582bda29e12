# What botkit-otp says in Simplified Chinese; en.ftl explains the variables.

a-code = { $kind ->
    [digits] { $length } 位数字验证码
   *[characters] { $length } 个字符的验证码
}
the-code = { $kind ->
    [digits] { $length } 位数字验证码
   *[characters] { $length } 个字符的验证码
}
span = { $unit ->
    [seconds] { $count } 秒
    [minutes] { $count } 分钟
   *[hours] { $count } 小时
}

## The dialog begins

greeting = 您好！我们需要确认是您本人。
ask-address = 请问要把验证码发送到哪个邮箱？
ask-other-address = 请输入要改用的邮箱地址。
    .voice = 请问要改用哪个邮箱地址？
ask-number = 请问要把验证码发送到哪个手机号码？请以国家代码开头，例如 +86 131 2345 6789。
    .voice = 请问要把验证码发送到哪个手机号码？请先说国家代码。
ask-either = 请问要把验证码发送到哪个邮箱或手机号码？
ask-other-number = 请输入要改用的手机号码，以国家代码开头。
    .voice = 请问要改用哪个手机号码？

## A code is sent

sent = 我们已向 { $to } 发送 { a-code }。请在这里输入，有效期为 { span }。
    .voice = 我们已向您发送 { a-code }。请逐位说出，有效期为 { span }。
sent-again = 我们已向 { $to } 发送新的验证码。只有最新的验证码有效，有效期为 { span }。
    .voice = 我们已向您发送新的验证码。只有最新的验证码有效，有效期为 { span }。
calling = 我们正在致电 { $to }，为您播报 { a-code }。请在这里输入，有效期为 { span }。
    .voice = 我们正在致电给您，为您播报 { a-code }。有效期为 { span }。
queued = 我们正在向 { $to } 发送 { a-code }。收到后请在这里输入。
    .voice = 我们正在向您发送 { a-code }。收到后请说出来。
generated = 请输入我们发送给您的 { the-code }。
    .voice = 请说出我们发送给您的 { the-code }。
cooldown = 我们已向 { $to } 发出验证码，请稍候。如果没有收到，您可以在 { span }后重新获取。
    .voice = 验证码已经发出，请稍候。如果没有收到，您可以在 { span }后重新获取。
cooldown-over = 您可以在 { span }后获取新的验证码。
limit-reached = 我们已经发送过多次验证码。您可以在 { span }后再次获取。
limit-reached-live = 最近一次发送的验证码仍然有效。您可以在 { span }后再次获取。
busy = 目前无法发送验证码。您可以在 { span }后重新获取。
halted = 目前无法向该电话发送验证码。您可以在 { span }后重新获取。
halted-use-mail = 目前无法向该电话发送验证码。请改为输入邮箱地址，或在 { span }后重新获取。
    .voice = 目前无法向该电话发送验证码。请问要改用哪个邮箱地址？
send-failed = 抱歉，刚才未能发送验证码。请重新获取。
undeliverable = 发送到 { $to } 的邮件未能送达。请检查地址，或改用其他邮箱。
    .voice = 发送到该地址的邮件未能送达。请问要改用哪个邮箱地址？
undeliverable-enrolled = 无法将邮件送达 { $to } 。请联系我们的客服。
    .voice = 无法将邮件送达您登记的邮箱。请联系我们的客服。
undeliverable-number = 发送到 { $to } 的信息未能送达。请检查号码，或改用其他号码。
    .voice = 发送到该号码的信息未能送达。请问要改用哪个手机号码？
invalid-destination = 无法向该地址发送验证码。请输入您的邮箱地址，格式如 name@example.com。
    .voice = 无法向该地址发送验证码。请问要使用哪个邮箱地址？
invalid-number = 无法向该号码发送验证码。请输入您的手机号码，以国家代码开头，例如 +86 131 2345 6789。
    .voice = 无法向该号码发送验证码。请问要使用哪个手机号码？
invalid-either = 无法向那里发送验证码。请输入邮箱地址，格式如 name@example.com，或手机号码，格式如 +86 131 2345 6789。
    .voice = 无法向那里发送验证码。请问要使用哪个邮箱或手机号码？
several-addresses = 这里有多个地址。请只发送要使用的那一个。
    .voice = 我听到了多个地址。请只说要使用的那一个。
enrolled-only = 我们只能将验证码发送到您登记的邮箱。
nothing-enrolled = 我们没有您的邮箱地址，无法发送验证码。请联系我们的客服。
enrolled-only-number = 我们只能将验证码发送到您登记的电话号码。

## A code is checked

verified = 谢谢，验证码正确。您已通过验证。
incorrect = 验证码不正确。请核对后重试，您还有 { $left } 次机会。
superseded = 这是之前的验证码。请输入最新消息中的验证码。本次不计入尝试次数。
    .voice = 这是之前的验证码。请说出最新消息中的验证码。本次不计入尝试次数。
unrecognized = 请输入我们发送到 { $to } 的 { the-code }。
    .voice = 请说出我们发送给您的 { the-code }。
several-codes = 这里可能不止一个验证码。请只发送 { the-code }。本次不计入尝试次数。
    .voice = 我听到了不止一个验证码。请只说 { the-code }。本次不计入尝试次数。
not-a-code = 这似乎不是 { the-code }。请只发送验证码。本次不计入尝试次数。
    .voice = 我没有听到 { the-code }。请只说验证码。本次不计入尝试次数。
too-soon = 验证码多次错误，需要稍等片刻。请在 { span }后重新输入验证码。
    .voice = 验证码多次错误，需要稍等片刻。请在 { span }后重新说出验证码。
expired = 该验证码已过期。请获取新的验证码。
locked = 验证码错误次数过多。您可以在 { span }后获取新的验证码。
no-challenge = 目前没有需要核对的验证码。请先获取验证码。
already-verified = 您已经通过验证。
cancelled = 该验证码已失效。如有需要，请获取新的验证码。

## Something is wrong here

redacted-input = 抱歉，我们无法读取您发送的内容。这不是您的问题，请联系我们的客服人员。
unavailable = 抱歉，暂时无法处理。这不是您的问题，请稍后再试。

## What else can be answered. At most 20 characters each, and understood when typed

option-resend = 重新发送
option-change = 更换邮箱
option-cancel = 取消
options = 您也可以回复：{ $options }。
    .voice = 您也可以说：{ $options }。

## Between two options, and between two sentences

list-gap = { "、" }
sentence-gap = { "" }

## The text message, and what a call says

sms-text = { $code } 是您的验证码，有效期为 { span }。请勿告诉他人。
call-lead = 您好。您的验证码是：
call-again = 再说一遍：

## The mail

mail-subject = 您的验证码
mail-subject-product = 您的 { $product } 验证码
mail-subject-test = 测试：您的验证码
mail-lead = 请在您获取验证码的聊天窗口中输入此验证码：
mail-lead-product = 请在您获取验证码的 { $product } 聊天窗口中输入此验证码：
mail-lead-test = 这是一次测试。以下验证码是虚构的，不会验证任何内容：
mail-valid = 有效期为 { span }。
mail-secret = 请勿告诉他人。我们绝不会通过电话或邮件向您索要验证码。
mail-ignore = 如果您没有申请此验证码，可以忽略此邮件。
mail-support = 需要帮助？{ $support }
