"""For schemathesis: each case gets its own session as one of the demo people, and time moves on."""

import os
import random

import requests
import schemathesis

URL = os.environ["HRM_URL"]
PEOPLE = ["anna.svensson", "erik.lund", "mia.berg", "kari.holm"]
chance = random.Random(7)


# No caching: a case that signs out must not sign out the next one.
@schemathesis.auth(refresh_interval=None)
class Session:
    def get(self, case, context):
        # Otherwise everybody is soon linked, locked or out of codes, and most calls are never reached.
        if chance.random() < 0.05:
            requests.post(f"{URL}/demo/reset", timeout=10).raise_for_status()
        if chance.random() < 0.3:
            advance = {"advanceSeconds": chance.choice([60, 60, 1800, 86400])}
            requests.post(f"{URL}/demo/clock", json=advance, timeout=10).raise_for_status()
        body = {"username": chance.choice(PEOPLE), "password": "demo"}
        answer = requests.post(f"{URL}/v1/session", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()["token"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"
