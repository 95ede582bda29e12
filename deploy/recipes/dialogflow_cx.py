"""Dialogflow CX: a webhook between a page and botkit-otp's dialog, such as a Cloud Function with the entry point `webhook`.

Set OTP_URL, OTP_KEY and OTP_BOT. On the page call it twice: in the entry fulfillment with the tag `start`, and in the
event handlers for sys.no-match-default and sys.no-input-default, and in routes that would take the user away, without a
tag. Leave the page by a route with the condition `$session.params.otp_done = true`; `$session.params.otp_status` is then
`verified`, or what it ended with, and `$session.params.otp_proof` is what a back end checks.
"""

import json
import os
import urllib.request


def answer(request):
    """Takes a WebhookRequest and gives a WebhookResponse."""
    session = request["sessionInfo"]
    known = session.get("parameters", {})
    starts = request.get("fulfillmentInfo", {}).get("tag") == "start"
    call = urllib.request.Request(
        f"{os.environ['OTP_URL']}/v1/bots/{os.environ['OTP_BOT']}/turn",
        json.dumps(
            {
                "session": {"id": session["session"], "BotUserSession": known.get("otp_session") or {}},
                "message": None if starts else request.get("text"),
                "language": request.get("languageCode"),
                "requestId": request.get("detectIntentResponseId"),
            }
        ).encode(),
        {"Authorization": f"Bearer {os.environ['OTP_KEY']}", "Content-Type": "application/json"},
    )
    say = json.load(urllib.request.urlopen(call, timeout=10))
    parameters = {
        "otp_session": say["BotUserSession"],
        "otp_status": say["otp"]["status"],
        "otp_done": say["done"],
        "otp_proof": say["otp"].get("proof"),
    }
    messages = [{"text": {"text": [say["message"]]}}]
    return {"fulfillmentResponse": {"messages": messages}, "sessionInfo": {"parameters": parameters}}


def webhook(request):
    return answer(request.get_json())
