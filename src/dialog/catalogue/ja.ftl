# What botkit-otp says in Japanese; en.ftl explains the variables.

a-code = { $kind ->
    [digits] { $length }桁のコード
   *[characters] { $length }文字のコード
}
the-code = { $kind ->
    [digits] { $length }桁のコード
   *[characters] { $length }文字のコード
}
span = { $unit ->
    [seconds] { $count }秒
    [minutes] { $count }分
   *[hours] { $count }時間
}

## The dialog begins

greeting = こんにちは。ご本人であることを確認させてください。
ask-address = コードをお送りするメールアドレスを教えてください。
ask-other-address = 代わりに使うメールアドレスを入力してください。
    .voice = 代わりに使うメールアドレスを教えてください。
ask-number = コードをお送りする携帯電話番号を、+81 90-1234-5678 のように国番号から教えてください。
    .voice = コードをお送りする携帯電話番号を、国番号から教えてください。
ask-either = コードをお送りするメールアドレスまたは携帯電話番号を教えてください。
ask-other-number = 代わりに使う携帯電話番号を、国番号から入力してください。
    .voice = 代わりに使う携帯電話番号を教えてください。

## A code is sent

sent = { $to } に{ a-code }をお送りしました。こちらに入力してください。有効期間は{ span }です。
    .voice = { a-code }をお送りしました。1文字ずつお話しください。有効期間は{ span }です。
sent-again = { $to } に新しいコードをお送りしました。使えるのは最新のコードだけです。有効期間は{ span }です。
    .voice = 新しいコードをお送りしました。使えるのは最新のコードだけです。有効期間は{ span }です。
calling = { $to } にお電話して{ a-code }をお伝えします。こちらに入力してください。有効期間は{ span }です。
    .voice = お電話で{ a-code }をお伝えします。有効期間は{ span }です。
queued = { $to } に{ a-code }をお送りしています。届いたら、こちらに入力してください。
    .voice = { a-code }をお送りしています。届いたら、コードをお話しください。
generated = お送りする{ the-code }を入力してください。
    .voice = お送りする{ the-code }をお話しください。
cooldown = { $to } にコードをお送りしています。届かない場合は、{ span }後に新しいコードをリクエストできます。
    .voice = コードをお送りしています。届かない場合は、{ span }後に新しいコードをリクエストできます。
cooldown-over = { span }後に新しいコードをリクエストできます。
limit-reached = すでに何度かコードをお送りしました。次のコードは{ span }後にリクエストできます。
limit-reached-live = 最後にお送りしたコードはまだ使えます。次のコードは{ span }後にリクエストできます。
busy = 現在、コードをお送りできません。{ span }後にもう一度リクエストできます。
halted = 現在、その電話番号にはコードをお送りできません。{ span }後にもう一度リクエストできます。
halted-use-mail = 現在、その電話番号にはコードをお送りできません。代わりにメールアドレスを入力するか、{ span }後にもう一度リクエストしてください。
    .voice = 現在、その電話番号にはコードをお送りできません。代わりに使うメールアドレスを教えてください。
send-failed = 申し訳ありません。コードをお送りできませんでした。もう一度リクエストしてください。
undeliverable = { $to } にお送りできませんでした。アドレスを確認するか、別のアドレスをお使いください。
    .voice = そのアドレスにはお送りできませんでした。代わりに使うメールアドレスを教えてください。
undeliverable-enrolled = { $to } にお届けできませんでした。サポートまでお問い合わせください。
    .voice = ご登録のアドレスにお届けできませんでした。サポートまでお問い合わせください。
undeliverable-number = { $to } にお送りできませんでした。番号を確認するか、別の番号をお使いください。
    .voice = その番号にはお送りできませんでした。代わりに使う携帯電話番号を教えてください。
invalid-destination = そのアドレスにはコードをお送りできません。name@example.com のような形でメールアドレスを入力してください。
    .voice = そのアドレスにはコードをお送りできません。使用するメールアドレスを教えてください。
invalid-number = その番号にはコードをお送りできません。+81 90-1234-5678 のように国番号から携帯電話番号を入力してください。
    .voice = その番号にはコードをお送りできません。使用する携帯電話番号を教えてください。
invalid-either = そちらにはコードをお送りできません。name@example.com のようなメールアドレスか、+81 90-1234-5678 のような携帯電話番号を入力してください。
    .voice = そちらにはコードをお送りできません。使用するメールアドレスまたは携帯電話番号を教えてください。
several-addresses = アドレスが2つ以上あります。使用するアドレスを1つだけ送ってください。
    .voice = アドレスが2つ以上聞こえました。使用するアドレスを1つだけお話しください。
enrolled-only = コードをお送りできるのは、ご登録のメールアドレスだけです。
nothing-enrolled = ご登録のメールアドレスがないため、コードをお送りできません。サポートまでお問い合わせください。
enrolled-only-number = コードをお送りできるのは、ご登録の電話番号だけです。

## A code is checked

verified = ありがとうございます。正しいコードです。ご本人確認が完了しました。
incorrect = コードが正しくありません。ご確認のうえ、もう一度お試しください。あと{ $left }回お試しいただけます。
superseded = それは以前のコードです。最新のメッセージにあるコードを入力してください。残りの回数は減っていません。
    .voice = それは以前のコードです。最新のメッセージにあるコードをお話しください。残りの回数は減っていません。
unrecognized = { $to } にお送りした{ the-code }を入力してください。
    .voice = お送りした{ the-code }をお話しください。
several-codes = コードが2つ以上あるようです。{ the-code }だけを送ってください。残りの回数は減っていません。
    .voice = コードが2つ以上聞こえました。{ the-code }だけをお話しください。残りの回数は減っていません。
not-a-code = { the-code }ではないようです。コードだけを送ってください。残りの回数は減っていません。
    .voice = { the-code }を聞き取れませんでした。コードだけをお話しください。残りの回数は減っていません。
too-soon = コードの間違いが続いたため、少しお待ちいただきます。{ span }後にもう一度コードを入力してください。
    .voice = コードの間違いが続いたため、少しお待ちいただきます。{ span }後にもう一度コードをお話しください。
expired = そのコードは有効期限が切れています。新しいコードをリクエストしてください。
locked = コードの間違いが上限に達しました。{ span }後に新しいコードをリクエストできます。
no-challenge = 現在、確認するコードがありません。先にコードをリクエストしてください。
already-verified = ご本人確認はすでに完了しています。
cancelled = コードは使えなくなりました。必要な場合は、新しいコードをリクエストしてください。

## Something is wrong here

redacted-input = 申し訳ありません。内容を読み取れませんでした。お客様の間違いではありません。サポート担当までお知らせください。
unavailable = 申し訳ありません。ただいま対応できません。お客様の間違いではありません。しばらくしてからもう一度お試しください。

## What else can be answered. At most 20 characters each, and understood when typed

option-resend = コードを再送
option-change = アドレスを変更
option-cancel = キャンセル
options = 次のように返信することもできます：{ $options }。
    .voice = 次のようにお話しいただくこともできます：{ $options }。

## Between two options, and between two sentences

list-gap = { "、" }
sentence-gap = { "" }

## The text message, and what a call says

sms-text = { $code } は確認コードです。有効期間は{ span }です。誰にも教えないでください。
call-lead = こんにちは。確認コードをお伝えします。
call-again = もう一度お伝えします。

## The mail

mail-subject = 確認コード
mail-subject-product = { $product }の確認コード
mail-subject-test = テスト：確認コード
mail-lead = コードをリクエストしたチャットに、このコードを入力してください：
mail-lead-product = コードをリクエストした{ $product }のチャットに、このコードを入力してください：
mail-lead-test = これはテストです。以下のコードは架空のもので、何も確認されません：
mail-valid = 有効期間は{ span }です。
mail-secret = このコードは誰にも教えないでください。電話やメールでコードをお尋ねすることは決してありません。
mail-ignore = お心当たりがない場合は、このメールを無視してください。
mail-support = お困りの場合：{ $support }
