"""A real ClickHouse server with folders and ports of its own, for as long as tests need it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sinks.clickhouse.server import ServerSettings, ServerStore
from sinks.clickhouse.store import StoreError

_CONFIG = """<yandex>
<logger><level>warning</level><log>{at}/server.log</log><errorlog>{at}/error.log</errorlog></logger>
<listen_host>127.0.0.1</listen_host>
<tcp_port>{ports[0]}</tcp_port><http_port>{ports[1]}</http_port>
<interserver_http_port>{ports[2]}</interserver_http_port>
<path>{at}/data/</path><tmp_path>{at}/tmp/</tmp_path><user_files_path>{at}/files/</user_files_path>
<users_config>users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>268435456</mark_cache_size><timezone>UTC</timezone>
</yandex>"""
_USERS = """<yandex><profiles><default/></profiles><quotas><default/></quotas>
<users><default><password/><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></default></users></yandex>"""


@contextmanager
def server(at: Path) -> Iterator[ServerSettings]:
    """Start a server on free ports in this folder; stop it at the end."""
    command = _installed()
    ports = _free_ports(3)
    (at / "config.xml").write_text(_CONFIG.format(at=at, ports=ports))
    (at / "users.xml").write_text(_USERS)
    with (at / "console.log").open("w") as log:
        process = subprocess.Popen([command, f"--config-file={at}/config.xml"], cwd=at, stdout=log, stderr=log)
        try:
            settings = ServerSettings(host="127.0.0.1", port=ports[0])
            _wait(settings, process, at)
            yield settings
        finally:
            process.terminate()
            process.wait(30)


def _installed() -> str:
    if found := shutil.which("clickhouse-server"):
        return found
    if os.geteuid() != 0:
        raise RuntimeError("these tests want a real server: apt-get install clickhouse-server")
    install = ["apt-get", "install", "-y", "--no-install-recommends", "clickhouse-server"]
    subprocess.run(["apt-get", "update"], check=True, capture_output=True)
    subprocess.run(install, check=True, capture_output=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    found = shutil.which("clickhouse-server")
    if found is None:
        raise RuntimeError("apt-get installed clickhouse-server, but it is not on the path")
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait(settings: ServerSettings, process: subprocess.Popen[bytes], at: Path) -> None:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        try:
            ServerStore(settings).close()
        except StoreError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the server did not come up: {(at / 'console.log').read_text()[-2000:]}")
