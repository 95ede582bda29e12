"""The recipes of deploy/recipes and the README's Python, against a running server: URL, API key, folder of the project,
what proofs are signed with."""

import copy
import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import jwt

URL, KEY, ROOT, SECRET = sys.argv[1:5]
os.environ.update(OTP_URL=URL, OTP_KEY=KEY, OTP_BOT="st-dev", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
RECIPES = os.path.join(ROOT, "deploy", "recipes")
sys.path.insert(0, RECIPES)
sys.dont_write_bytecode = True
# What does not answer must not hold anybody up.
socket.setdefaulttimeout(10)


def outbox(to):
    return json.load(urllib.request.urlopen(f"{URL}/dev/outbox?to={to}"))[0]["code"]


def post(url, body):
    headers = {"Content-Type": "application/json"}
    return json.load(urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)))


def dialogflow():
    recipe = importlib.import_module("dialogflow_cx")
    with open(os.path.join(ROOT, "fixtures", "recipes", "dialogflow_cx.json")) as file:
        first = json.load(file)
    kept = {}

    def say(text, number):
        request = copy.deepcopy(first)
        request["detectIntentResponseId"] = f"{first['detectIntentResponseId']}-{number}"
        request["sessionInfo"]["parameters"].update(kept)
        if number:
            request["fulfillmentInfo"] = {}
            request["text"] = text
        answer = recipe.answer(request)
        kept.update(answer["sessionInfo"]["parameters"])
        return answer["fulfillmentResponse"]["messages"][0]["text"]["text"][0]

    assert "Which e-mail address" in say(None, 0)
    assert "We sent a 6-digit code" in say("cx@example.com", 1)
    assert "not the right code" in say("000000", 2) and not kept["otp_done"]
    assert "You are verified" in say(outbox("cx@example.com"), 3)
    assert kept["otp_done"] is True and kept["otp_status"] == "verified", kept
    return kept["otp_proof"]


def end(server):
    """Its worker is a process of its own, and may be all that is left, or not there."""
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    server.wait(10)


def action_server():
    """Rasa's server, with its port. Its worker does not come up every time."""
    for _ in range(4):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-B", "-m", "rasa_sdk", "--actions", "rasa_actions", "--port", str(port)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen(command, cwd=RECIPES, start_new_session=True, **quiet)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
                return server, port
            except OSError:
                time.sleep(0.1)
        end(server)
    raise AssertionError("rasa's server does not come up")


def rasa():
    server, port = action_server()
    try:
        slots = {"otp_status": None, "otp_say": None, "otp_session": None, "otp_proof": None, "requested_slot": "otp_status"}

        def run(action, text=None):
            events = [{"event": "action", "name": "action_listen"}]
            if text is not None:
                events += [{"event": "user", "text": text}, {"event": "slot", "name": "otp_status", "value": text}]
                slots["otp_status"] = text
            tracker = {
                "sender_id": "rasa-1",
                "slots": slots,
                "events": events,
                "latest_message": {"text": text or "", "intent": {"name": "inform"}, "entities": []},
                "active_loop": {"name": "otp_form"},
                "latest_action_name": "action_listen",
            }
            domain = {"slots": {name: {"mappings": []} for name in slots}, "forms": {"otp_form": {"required_slots": ["otp_status"]}}}
            domain["slots"]["otp_status"]["mappings"] = [{"type": "from_text"}]
            answer = post(f"http://127.0.0.1:{port}/webhook", {"next_action": action, "tracker": tracker, "domain": domain})
            slots.update({event["name"]: event["value"] for event in answer["events"] if event["event"] == "slot"})
            return [response["text"] for response in answer["responses"]]

        assert "Which e-mail address" in run("action_ask_otp_status")[0]
        assert run("validate_otp_form", "rasa@example.com") == []
        assert "We sent a 6-digit code" in run("action_ask_otp_status")[0]
        assert run("validate_otp_form", "000000") == []
        assert "not the right code" in run("action_ask_otp_status")[0]
        assert "You are verified" in run("validate_otp_form", outbox("rasa@example.com"))[0]
        assert slots["otp_status"] == "verified", slots
        return slots["otp_proof"]
    finally:
        end(server)


def readme(proof, address):
    with open(os.path.join(ROOT, "README.md")) as file:
        block = next(block for block in re.findall(r"```python\n(.*?)```", file.read(), re.S) if "PyJWKClient" in block)
    scope = {}
    exec(block.replace("https://otp.example.com/", f"{URL}/").replace('"https://otp.example.com"', '"botkit-otp"'), scope)
    proven = scope["proven"]
    claims = proven(proof, "st-dev", "st-dev")
    assert claims["method"] == "email" and claims["address"] == address, claims

    def signed(changes):
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(changed, SECRET, "EdDSA", {"typ": "otp-proof+jwt", "kid": "test"})

    proven(signed({}), "st-dev", "st-dev")
    lacking = [{claim: None} for claim in ("exp", "iss", "aud", "jti", "bot")]
    changed = [(signed(changes), "st-dev") for changes in ({"bot": "st-other"}, {"exp": claims["iat"] - 1}, *lacking)]
    for wrong in ((proof[:-4] + "AAAA", "st-dev"), (proof.replace(".", "", 1), "st-dev"), (proof, "st-other"), *changed):
        try:
            proven(*wrong, "st-dev")
        except Exception:
            continue
        raise AssertionError(f"a proof that is forged, or for or of another, or lacks a claim, passed: {wrong}")


readme(dialogflow(), "c...@example.com")
readme(rasa(), "r...a@example.com")
print("all recipes work")
