"""`serve` with bad input: one clear answer with every fault, nothing starts, exit code 2."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from test_cli_commands import Tell, tell

from robot_fleet.cli.exits import Exit
from robot_fleet.main.data_folder import DATABASE, default_data_folder, open_run_store

__all__ = ["tell"]

SHOP = Path(__file__).resolve().parent.parent / "maps" / "corner_shop"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the corner shop, to be spoilt."""
    return Path(shutil.copytree(SHOP, tmp_path / "corner_shop"))


def refused(tell: Tell, *arguments: str) -> str:
    code, out, err = tell(*arguments)
    assert (code, out) == (Exit.USAGE, "")
    assert "Traceback" not in err
    return err


def test_every_fault_of_a_store_is_listed(shop: Path, tmp_path: Path, tell: Tell) -> None:
    text = (shop / "map.yaml").read_text()
    (shop / "map.yaml").write_text(text.replace("0.05", "0.0", 1))
    (shop / "store.yaml").write_text("robots:\n  - {name: a, profile: W}\n  - {name: a, profile: Q}\n")
    err = refused(tell, "serve", "--store", str(shop), "--data", str(tmp_path / "data"))
    for word in ("map.yaml", "resolution", "store.yaml", "Q"):
        assert word in err
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_no_store_is_named(tmp_path: Path, tell: Tell) -> None:
    assert "map.yaml" in refused(tell, "serve", "--store", str(tmp_path))
    assert "no such folder" in refused(tell, "sim", "--store", str(tmp_path / "nowhere"))
    assert "no such folder" in refused(tell, "plan", str(tmp_path / "nowhere"))


def test_a_busy_port_is_named(tmp_path: Path, tell: Tell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        address = f"127.0.0.1:{port}"
        err = refused(tell, "serve", "--store", str(SHOP), "--data", str(tmp_path), "--address", address)
    assert f"port {port} is in use" in err


def test_an_address_for_everyone_is_refused(tmp_path: Path, tell: Tell) -> None:
    err = refused(tell, "serve", "--store", str(SHOP), "--data", str(tmp_path), "--address", "0.0.0.0:50051")
    assert "SSH tunnel" in err


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path, tell: Tell) -> None:
    (tmp_path / "file").write_text("")
    err = refused(tell, "serve", "--store", str(SHOP), "--data", str(tmp_path / "file" / "data"))
    assert str(tmp_path / "file" / "data") in err


def test_a_database_that_is_none_is_named(tmp_path: Path, tell: Tell) -> None:
    (tmp_path / DATABASE).write_text("this is a letter to my aunt, and no database at all")
    err = refused(tell, "serve", "--store", str(SHOP), "--data", str(tmp_path))
    assert DATABASE in err
    assert (tmp_path / DATABASE).read_text().startswith("this is a letter")


def test_two_controllers_cannot_have_one_data_folder(tmp_path: Path, tell: Tell) -> None:
    store = open_run_store(tmp_path)
    try:
        assert "in use" in refused(tell, "serve", "--store", str(SHOP), "--data", str(tmp_path))
    finally:
        store.close()


SECRET = "postgresql://fleet:open-sesame@127.0.0.1:1/shop"


def test_a_server_that_is_away_is_named_without_its_password(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBOT_FLEET_DATABASE", SECRET)
    err = refused(tell, "serve", "--store", str(SHOP), "--address", "127.0.0.1:0")
    assert "postgresql://127.0.0.1:1/shop" in err and "refused" in err and "sesame" not in err


@pytest.mark.parametrize(
    "url", [SECRET, "postgresql://h/shop?password=open-sesame", "postgresql://u:open-sesame@h:x/y"]
)
def test_a_password_on_the_command_line_is_refused_and_not_repeated(tell: Tell, url: str) -> None:
    err = refused(tell, "serve", "--store", str(SHOP), "--database", url)
    assert "PGPASSFILE" in err and "sesame" not in err


@pytest.mark.parametrize("url", ["sqlite:///shop.db", "shop.db", "mysql://u:open-sesame@h/shop"])
def test_a_database_that_is_no_server_is_refused(tell: Tell, url: str) -> None:
    err = refused(tell, "serve", "--store", str(SHOP), "--database", url)
    assert "for files there is --data" in err and "sesame" not in err


def test_two_places_for_the_same_runs_are_refused(tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBOT_FLEET_DATABASE", SECRET)
    err = refused(tell, "serve", "--store", str(SHOP), "--data", str(tmp_path / "data"))
    assert "two places" in err and "sesame" not in err
    assert not (tmp_path / "data").exists()


def test_what_is_wrong_with_store_address_and_data_is_told_together(shop: Path, tmp_path: Path, tell: Tell) -> None:
    (shop / "map.png").unlink()
    data, held = tmp_path / "data", open_run_store(tmp_path)
    try:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            both = refused(tell, "serve", "--store", str(shop), "--data", str(data), "--address", address)
            three = refused(tell, "serve", "--store", str(shop), "--data", str(tmp_path), "--address", address)
    finally:
        held.close()
    assert "2 faults" in both and "there is no file" in both and f"{address}: port" in both
    assert not data.exists()
    assert "3 faults" in three and "is in use by process" in three


def test_a_folder_that_cannot_be_made_is_told_beside_a_bad_store(shop: Path, tmp_path: Path, tell: Tell) -> None:
    (shop / "map.png").unlink()
    (tmp_path / "file").write_text("")
    err = refused(tell, "serve", "--store", str(shop), "--data", str(tmp_path / "file" / "data"))
    assert "2 faults" in err and "the folder cannot be made" in err


def test_a_robot_to_simulate_must_be_one_of_the_store(tell: Tell) -> None:
    err = refused(tell, "sim", "--store", str(SHOP), "--robot", "hal")
    assert "hal" in err
    assert "robot_1" in err


def test_runs_are_kept_below_the_users_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_data_folder("shop") == tmp_path / "robot_fleet" / "shop"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_data_folder("shop") == Path("/home/ada/.local/state/robot_fleet/shop")
