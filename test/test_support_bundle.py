"""The support bundle: what it holds, and that secrets planted wherever one could stand are not in it."""

from __future__ import annotations

import json
import shutil
import stat
import tarfile
from pathlib import Path

import pytest
from test_cli_commands import Tell, document, tell

from robot_fleet.cli.exits import Exit
from robot_fleet.control.ports import Record
from robot_fleet.main.data_folder import DATABASE, open_run_store
from robot_fleet.main.redaction import REDACTED, Redactor, is_secret_name
from robot_fleet.main.support_bundle import write_bundle

__all__ = ["tell"]

SHOP = Path(__file__).resolve().parent.parent / "maps" / "corner_shop"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcPLANTED1\nPLANTED2xx\n-----END EC PRIVATE KEY-----"


def parts_of(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as archive:
        return {
            entry.name.split("/", 1)[1]: archive.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in archive
        }


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHOP, tmp_path / "corner_shop"))


def test_it_holds_what_a_helper_needs(shop: Path, tmp_path: Path, tell: Tell) -> None:
    store = open_run_store(tmp_path / "data")
    alert = {"alert_id": "held-a", "text": "a is held", "active": True}
    store.commit('{"event": "run started"}', [Record("alert", "held-a", json.dumps(alert).encode())])
    (tmp_path / "log").write_text("12:00:00 INFO ready\n")
    out = tmp_path / "help.tar.gz"
    told = document(
        tell("support-bundle", "--out", str(out), "--store", str(shop), "--data", str(tmp_path / "data"),
             "--log", str(tmp_path / "log"), "--json")
    )  # fmt: skip
    store.close()
    assert told["missing"] == []
    parts = parts_of(out)
    assert set(parts) == set(told["names"])
    assert parts["store/store.yaml"] == (shop / "store.yaml").read_bytes()
    assert parts["store/map.png"] == (shop / "map.png").read_bytes()
    assert json.loads(parts["store/floor.geojson"]) == json.loads((shop / "floor.geojson").read_text())
    assert b"run started" in parts["data/data/journal.txt"]
    assert json.loads(parts["data/data/alerts.jsonl"]) == alert
    assert json.loads(parts["data/data/check.json"])["faults"] == []
    assert b"typer" in parts["versions.txt"] and b"rmw" in parts["versions.txt"]
    assert b"cores" in parts["machine.txt"] and b"ready" in parts["log.txt"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_planted_secrets_are_nowhere_in_it(
    shop: Path, tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBOT_FLEET_TOKEN", "PLANTEDenv")
    monkeypatch.setenv("DB_PASSWORD", "PLANTEDelsewhere")
    monkeypatch.setenv("ROBOT_FLEET_DATABASE", "postgresql://ada:PLANTED@p@ss/w@host/db")
    with (shop / "store.yaml").open("a") as yaml:
        yaml.write(
            "\nwifi:\n  psk: 'PLANTEDpsk, with more PLANTED'\n  tokens:\n  - PLANTEDlist\n  tls_key: |\n    PLANTEDtls\n"
        )
        yaml.write("database: postgresql://ada:PLANTED@host/db\nnested: {api_key: PLANTEDflow, b: 1}\n")
    floor = json.loads((shop / "floor.geojson").read_text())
    floor["password"] = {"of": ["PLANTEDjson"]}
    (shop / "floor.geojson").write_text(json.dumps(floor))
    (shop / "server.pem").write_text(PEM)
    (shop / "notes.txt").write_text(f"{PEM}\n")
    (shop / "link.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (tmp_path / "elsewhere.yaml").write_text("a: PLANTED")
    store = open_run_store(tmp_path / "data")
    store.commit('{"event": "x", "token": "PLANTED", "text": "--password PLANTED", "who": "Ada"}', [])
    store.commit("no JSON, password=PLANTED", [])
    alert = {"text": "login with PLANTEDjson at https://ada:PLANTED@host/", "remedy": "r"}
    store.commit("{}", [Record("alert", "a", json.dumps(alert).encode())])
    store.close()
    log = "PLANTEDtail\n-----END PRIVATE KEY-----\nAuthorization: Bearer PLANTED\npassword is PLANTED\n"
    log += "seen: PLANTEDenv PLANTEDelsewhere PLANTEDlist PLANTEDtls\nready\n"
    (tmp_path / "log").write_text(log)
    out = tmp_path / "help.tar.gz"
    code, told, err = tell(
        "support-bundle", "--out", str(out), "--store", str(shop), "--data", str(tmp_path / "data"),
        "--log", str(tmp_path / "log"),
    )  # fmt: skip
    assert code == Exit.OK and "PLANTED" not in told + err
    parts = parts_of(out)
    leaks = [
        f"{name}: {line!r}" for name, content in parts.items() for line in content.split(b"\n") if b"PLANTED" in line
    ]
    assert not leaks, "\n".join(leaks)
    assert b"server.pem" in parts["store/not_included.txt"] and b"link.yaml" in parts["store/not_included.txt"]
    assert b"Ada" in parts["data/data/journal.txt"] and b"ready" in parts["log.txt"]
    assert b"@host/db" in parts["store/store.yaml"]
    assert json.loads(parts["store/floor.geojson"])["features"] == floor["features"]


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://fleet:open sesame@db/shop", "open sesame"),
        ("postgresql://fleet:open\"sesame'1@db/shop", "open\"sesame'1"),
        ("postgresql://fleet:open%40sesame@db/shop", "open@sesame"),
        ("postgresql://fleet:open%40sesame@db/shop", "open%40sesame"),
        ("postgresql://fleet@db/shop?password=open%40sesame&sslmode=require", "open@sesame"),
        ("postgresql://fleet@db/shop?password=open%40sesame&sslmode=require", "open%40sesame"),
        ("postgresql://fleet@db/shop?password=open@sesame&sslmode=require", "open@sesame"),
        ("postgresql:///shop?host=db&sslpassword=open-sesame&sslmode=require", "open-sesame"),
    ],
)
def test_the_databases_password_is_taken_out_wherever_it_stands(url: str, secret: str) -> None:
    redactor = Redactor([("ROBOT_FLEET_DATABASE", url)])
    assert "sesame" not in redactor.text(f"the database is {url}")
    assert redactor.sweep(f"somebody said {secret} works") == f"somebody said {REDACTED} works"


def test_a_key_and_a_token_that_were_found_once_are_taken_out_everywhere() -> None:
    redactor, token = Redactor(), "ghp_" + "a1B2c3D4" * 3
    redactor.text(f"-----BEGIN KEY-----\nMHcBase64+of/a=key\n{'ab' * 40}\nends nowhere\ntoken here: {token}")
    redactor.text(f"see {token}")
    assert redactor.sweep(f"MHcBase64+of/a=key {token} ends nowhere") == f"{REDACTED} {REDACTED} ends nowhere"


def test_what_is_broken_leaves_the_rest(tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "robot_fleet" / "shop").mkdir(parents=True)
    (tmp_path / "robot_fleet" / "shop" / DATABASE).write_bytes(b"rubbish" * 1000)
    told = document(tell("support-bundle", "--out", str(tmp_path / "b.tar.gz"), "--json"))
    assert any("not a database" in line for line in told["missing"])
    parts = parts_of(tmp_path / "b.tar.gz")
    assert b"is no SQLite database" in parts["data/shop/check.json"]
    assert "versions.txt" in parts and b"--store" in parts["missing.txt"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, tell: Tell) -> None:
    code, _, err = tell("support-bundle", "--out", str(tmp_path / "no" / "b.tar.gz"))
    assert code == Exit.USAGE and "cannot be written" in err
    assert tell("support-bundle", "--store", str(tmp_path / "no"))[0] == Exit.USAGE
    assert tell("support-bundle", "--log", str(tmp_path / "no"))[0] == Exit.USAGE


@pytest.mark.parametrize(
    "name",
    ["password", "db_passwd", "TOKEN", "apiKey", "private-key", "tls_key", "wifi_psk", "pin",
     "pass", "mqtt_pass", "mqttPass", "PGPASS", "pw", "db-pw", "kennwort"],
)  # fmt: skip
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["passed", "passes", "bypass", "makeup_passes", "compass", "overpass", "pass_width_m"])
def test_names_that_only_sound_like_those_of_secrets_are_none(name: str) -> None:
    assert not is_secret_name(name)
    for text in (f"{name}: 3.14159", f"{name}=3.14159", f"{name}:\n  left: 3.14159"):
        assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "text",
    ["pass: hunter2", "  mqtt_pass: hunter2", "export PGPASS=hunter2", "pw: hunter2", "kennwort: hunter2",
     '"pass": "hunter2"', "user=ada pass=hunter2", "pass:\n  - hunter2", "Das Kennwort ist hunter2"],
)  # fmt: skip
def test_short_and_german_names_of_secrets_take_theirs_out(text: str) -> None:
    assert "hunter2" not in Redactor().text(text)


@pytest.mark.parametrize(
    "line",
    [
        "robots: [{name: robot_1, profile: W}]",
        "keepout: shelf pinned at (1.0, 2.0)",
        "12:00:00 WARNING robot_1 did not get on at (3.1, 4.0)",
        '"floor": "0106000020' + "AB12CD34" * 20 + '"',
        "address http://127.0.0.1:50051/x",
        "test passed: 3 of 3, robot_1 may pass here (1.0, 2.0): it passes",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert Redactor().text(line) == line


def test_a_secret_found_once_is_taken_out_everywhere() -> None:
    redactor = Redactor()
    redactor.text("token: hunter2")
    assert redactor.sweep("he said hunter2") == f"he said {REDACTED}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://fleet:open-sesame@db:5432/shop",
        "postgresql://fleet@db:5432/shop?password=open-sesame&sslmode=require",
    ],
)
def test_a_password_in_the_databases_url_stays_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    monkeypatch.setenv("ROBOT_FLEET_DATABASE", url)
    monkeypatch.setenv("PGPASSWORD", "open-barley")
    log = tmp_path / "serve.log"
    log.write_text(f"open-barley\nopen-sesame\n{url}\n")
    bundle = write_bundle(tmp_path / "b.tar.gz", None, tmp_path, log)
    with tarfile.open(bundle.file) as archive:
        texts = [archive.extractfile(name).read() for name in archive.getnames()]  # type: ignore[union-attr]
    assert not [text for text in texts if b"sesame" in text or b"barley" in text]
    assert any(b"@db:5432/shop" in text for text in texts)
