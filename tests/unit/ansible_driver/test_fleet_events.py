"""The messages that failed tasks become."""

from __future__ import annotations

import pytest

from jetson_kit.ansible_driver import events

# As OpenSSH 9.2 says them, through Ansible.
CHANGED = """\
Task failed: Data could not be sent to remote host "127.0.0.1". Make sure this host can be reached
over ssh: @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key verification failed.
"""
UNKNOWN = """\
No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.
Host key verification failed.
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHANGED, "its host key has changed: "),
        (UNKNOWN, "its host key is not known: "),
        ("connection timed out\n", "connection timed out"),
    ],
)
def test_a_host_key_is_told_in_a_line(text: str, expected: str) -> None:
    message = events.message({"msg": text})
    assert message.startswith(expected)
    assert "@" not in message


def test_a_long_message_keeps_what_failed_and_why() -> None:
    text = f"Error pulling image: {'x' * 2000}: connection refused"
    message = events.message({"msg": text})
    assert len(message) <= events.MESSAGE_CHARS
    assert message.startswith("Error pulling image: x")
    assert message.endswith("x: connection refused")
