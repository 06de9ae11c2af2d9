"""Takes secrets out of texts that leave the house. Where it is in doubt it takes out too much, never too little."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

REDACTED = "[redacted]"
_LEAST = 6  # shorter ones would be found within words

_WORDS = (
    r"passw|passphrase|passwd|\bpwd|secret|token|credential|authorization|cookie|bearer|api[_.-]?key|access[_.-]?key|"
    r"private[_.-]?key|ssh[_.-]?key|signing[_.-]?key|encryption[_.-]?key|\bpsk\b|wpa|\bauth\b|_auth\b|\bpin\b|kennwort"
)
# Names that end so; in prose they are words like others, and so is what only sounds like one of them.
_ENDS = r"(?:key|pwd|psk|pw|(?<!by)(?<!com)(?<!over)(?<!under)(?<!sur)(?<!tres)pass)"
_SECRET_NAME = re.compile(rf"{_WORDS}|{_ENDS}$|pwd|psk", re.IGNORECASE)
# A name that tells of a secret takes the rest of its line along: who knows how it goes on?
_NAMED = re.compile(rf"""(?P<name>[\w.-]*(?:{_WORDS})[\w.-]*["']?)(?P<rest>\W+\S.*)""", re.IGNORECASE)
_KEY = re.compile(rf"""(?P<name>\b[\w.-]*{_ENDS}["']?)(?P<rest>\s*[:=]\s*\S.*)""", re.IGNORECASE)
_OPENED = re.compile(
    rf"""^(?P<indent>[\s-]*)["']?[\w.-]*(?:{_WORDS}|key\b|pwd|psk|{_ENDS}(?![\w.-]))[\w.-]*["']?\s*[:=](?P<rest>.*)$""",
    re.IGNORECASE,
)
_PEM = re.compile(r"-----BEGIN [^-\n]*-----.*?(?:-----END [^-\n]*-----|\Z)", re.DOTALL)
_KEY_LINE = re.compile(r"^[\w+/=.-]{12,}$", re.MULTILINE)
_PEM_END = re.compile(r"\A.*?-----END [^-\n]*-----", re.DOTALL)
# To the last @ of the word: a password may hold one; that of a database also blanks and quotes.
_IN_URL = re.compile(
    r"""(?P<scheme>[a-z][a-z0-9+.-]{0,30}://)(?P<who>(?<=postgresql://)[^\s"'<>:/@]*:[^\n]{0,200}|[^\s"'<>]{0,500})@""",
    re.IGNORECASE,
)
_IN_QUERY = re.compile(r"(?P<name>[?&][\w-]*password[\w-]*=)(?P<password>[^&\s]+)", re.IGNORECASE)
_SHAPES = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\b(?:gh[opsur]|github_pat|glpat|xox[a-z]|sk|pk)[_-][\w-]{8,}|\beyJ[\w-]{6,}[\w.-]*"
)
_LONG = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")


def is_secret_name(name: str) -> bool:
    """Whether a setting of that name holds a secret."""
    return _SECRET_NAME.search(name) is not None


class Redactor:
    """Redacts texts, and remembers what it took out, so that `sweep` finds the same secrets wherever else they stand."""

    def __init__(self, environment: Iterable[tuple[str, str]] = ()) -> None:
        """Values of variables with secret names are known from the start, and passwords in URLs in others."""
        self._known: set[str] = set()
        for name, value in environment:
            if is_secret_name(name):
                self._learn(value)
            if "://" in value:
                self._without_passwords(value)

    def text(self, text: str) -> str:
        """A text of lines (YAML, a log) without its secrets."""
        return "\n".join(self._blocks(self._bare(text).split("\n")))

    def json(self, text: str) -> str:
        """A JSON document without its secrets, and still JSON; what is no JSON is taken as lines."""
        try:
            return json.dumps(self.value(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return self.text(text)

    def value(self, value: Any) -> Any:
        """What JSON knows, without its secrets."""
        if isinstance(value, dict):
            return {self.text(name): self._taken(item) if is_secret_name(name) else self.value(item)
                    for name, item in value.items()}  # fmt: skip
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def sweep(self, text: str) -> str:
        """Takes out of a redacted text what was found to be a secret anywhere."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text

    def _bare(self, text: str) -> str:
        """Without what shows by its shape: keys in PEM, credentials in URLs, tokens; all of them are known from then on."""
        if "-----END" in text and "-----BEGIN" not in text.split("-----END", maxsplit=1)[0]:
            text = _PEM_END.sub(REDACTED, text)  # the tail of a log may begin within a key
        text = _PEM.sub(self._learnt, text)
        text = self._without_passwords(text)
        text = _SHAPES.sub(self._learnt, text)
        return _LONG.sub(lambda found: self._learnt(found) if _mixed(found[0]) else found[0], text)

    def _learnt(self, found: re.Match[str]) -> str:
        # Of a key that has no end all that follows is taken out; what is not of a key must stay elsewhere.
        for word in _KEY_LINE.findall(found[0]):
            self._learn(word)
        return REDACTED

    def _without_passwords(self, text: str) -> str:
        """Without those in URLs, first the ones in queries: with an @ in it the last @ of the word is not that of who logs in."""
        return _IN_URL.sub(self._without_credentials, _IN_QUERY.sub(self._without_queried, text))

    def _without_queried(self, found: re.Match[str]) -> str:
        self._learn_coded(found["password"])
        return f"{found['name']}{REDACTED}"

    def _without_credentials(self, found: re.Match[str]) -> str:
        self._learn_coded(found["who"].partition(":")[2])
        return f"{found['scheme']}{REDACTED}@"

    def _learn_coded(self, password: str) -> None:
        self._learn(password)
        self._learn(unquote(password))

    def _blocks(self, lines: Iterable[str]) -> Iterable[str]:
        """The lines, redacted. What is indented below a secret name belongs to it."""
        below: int | None = None
        for line in lines:
            depth = len(line) - len(line.lstrip())
            item = line.lstrip().startswith("- ")
            if below is not None and line.strip() and (depth > below or (item and depth == below)):
                self._learn(line.strip(" -"))
                yield " " * depth + REDACTED
                continue
            if line.strip():
                opened = _OPENED.match(line)
                below = len(opened["indent"]) if opened else None
            yield self._line(line)

    def _line(self, line: str) -> str:
        found = _NAMED.search(line) or _KEY.search(line)
        if not found:
            return line
        if found["rest"].lstrip().startswith((":", "=")):  # else it is prose: its words must stay elsewhere
            self._learn(found["rest"].lstrip(" \t:="))
        return f"{line[: found.end('name')]}: {REDACTED}"

    def _taken(self, value: Any) -> str:
        for leaf in _leaves(value):
            self._learn(leaf)
        return REDACTED

    def _learn(self, secret: str) -> None:
        secret = secret.split(" #", maxsplit=1)[0].strip(" \t\"',;[]{}")
        if len(secret) >= _LEAST and REDACTED not in secret and secret.lower() not in ("true", "false", "null", "none"):
            self._known.add(secret)


def _leaves(value: Any) -> Iterable[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)


def _mixed(word: str) -> bool:
    """Whether a long word looks like chance: geometry as hex and paths of small letters do not."""
    return all(re.search(kind, word) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
