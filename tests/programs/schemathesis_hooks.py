"""The one rule that OpenAPI cannot say: a call is named once."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    named = any(name.lower() == "idempotency-key" for name in case.headers or {})
    if named and isinstance(case.body, dict):
        case.body.pop("requestId", None)
