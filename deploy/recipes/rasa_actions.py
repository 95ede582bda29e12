"""Rasa: a form whose one slot is the outcome of botkit-otp's dialog.

Run it with the action server (`python -m rasa_sdk --actions rasa_actions`), with OTP_URL, OTP_KEY and OTP_BOT set. In
domain.yml:

    forms:
      otp_form:
        required_slots: [otp_status]
    slots:
      otp_status:
        type: text
        mappings: [{type: from_text, conditions: [{active_loop: otp_form, requested_slot: otp_status}]}]
      otp_say: {type: any, mappings: [{type: custom}]}
      otp_session: {type: any, mappings: [{type: custom}]}
      otp_proof: {type: any, mappings: [{type: custom}]}
    actions: [validate_otp_form, action_ask_otp_status]

Start `otp_form` where a proof is needed; afterwards `otp_status` is `verified`, or what it ended with, and `otp_proof` is
what a back end checks.
"""

import asyncio
import json
import os
import urllib.request

from rasa_sdk import Action, FormValidationAction
from rasa_sdk.events import SlotSet


async def turn(tracker, message=None):
    """Asks botkit-otp what to say next; without a message the dialog begins."""
    session = {"id": tracker.sender_id, "BotUserSession": tracker.get_slot("otp_session") or {}}
    call = urllib.request.Request(
        f"{os.environ['OTP_URL']}/v1/bots/{os.environ['OTP_BOT']}/turn",
        json.dumps({"session": session, "message": message}).encode(),
        {"Authorization": f"Bearer {os.environ['OTP_KEY']}", "Content-Type": "application/json"},
    )
    return json.load(await asyncio.to_thread(urllib.request.urlopen, call, timeout=10))


class AskOtpStatus(Action):
    def name(self):
        return "action_ask_otp_status"

    async def run(self, dispatcher, tracker, domain):
        say = tracker.get_slot("otp_say") or await turn(tracker)
        buttons = [{"title": words, "payload": words} for words in say["suggestions"]]
        dispatcher.utter_message(text=say["message"], buttons=buttons)
        return [SlotSet("otp_say", None), SlotSet("otp_session", say["BotUserSession"])]


class ValidateOtpForm(FormValidationAction):
    def name(self):
        return "validate_otp_form"

    async def validate_otp_status(self, text, dispatcher, tracker, domain):
        say = await turn(tracker, text)
        if not say["done"]:
            return {"otp_status": None, "otp_say": say, "otp_session": say["BotUserSession"]}
        dispatcher.utter_message(text=say["message"])
        kept = {"otp_session": say["BotUserSession"], "otp_proof": say["otp"].get("proof")}
        return {"otp_status": say["otp"]["status"], "otp_say": None, **kept}
