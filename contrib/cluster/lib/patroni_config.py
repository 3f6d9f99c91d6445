# SPDX-License-Identifier: PostgreSQL
"""Fills in the configurations of contrib/patroni: for contrib/patroni/configure, which writes one for a real machine, and
for altius-cluster, which starts the same on this one."""

import pathlib
import re

from .common import Failure

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "patroni"
LAYOUTS = ("citus", "scopes")

DEFAULTS = {
    "layout": "citus", "scope": "altius", "database": "altius", "port": 5432, "rest_port": 8008, "ttl": 30,
    "network": "samenet", "sockets": "/var/run/postgresql", "watchdog": "automatic", "pgpass": "/var/lib/postgresql/.patroni-pgpass",
    "auth": "scram-sha-256", "superuser_password": "", "replication_password": "", "parameters": {}, "dcs_parameters": {},
    "create_extension": str(TEMPLATES / "create-extension"),
    "etcd_user": "", "etcd_password": "", "etcd_password_file": "",
}


def timing(ttl):
    """Patroni wants ttl >= loop_wait + 2 * retry_timeout; the usual 30, 10, 10 scaled down."""
    third = max(1, ttl // 3)
    return {"ttl": ttl, "loop_wait": min(10, max(1, ttl // 10)) if ttl < 30 else 10, "retry_timeout": third}


def quoted(value):
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def lines_of(settings, indent):
    return "\n".join(f"{' ' * indent}{name}: {quoted(value)}" for name, value in settings.items())


def scope_name(values):
    """The scope of a member: the cluster's, or in the layout of plain scopes that of its group."""
    return values["scope"] if values["layout"] == "citus" else f"{values['scope']}-{values['group']}"


def hba(values):
    kind = "host" if values["auth"] == "trust" else "hostssl"
    own = [] if not values["sockets"] else ["local all all peer"]
    if values["auth"] != "trust":
        own.append(f"host all all samehost {values['auth']}")
    rest = [f"{kind} {what} {values['network']} {values['auth']}" for what in ("replication replicator", "all all")]
    return "\n".join(f"    - {line}" for line in own + rest)


def follower(values):
    """What Altius needs to know to follow the leaders itself."""
    endpoints = ",".join(f"http://{endpoint}" for endpoint in values["etcd"].split(","))
    settings = {"altius.etcd_endpoints": endpoints, "altius.ha_scope": values["scope"],
                "altius.ha_layout": values["layout"], "altius.ha_database": values["database"]}
    if values["etcd_user"]:
        # Endpoints are http: etcd gets its password in clear.
        settings.update({"altius.etcd_user": values["etcd_user"], "altius.etcd_password_file": values["etcd_password_file"],
                         "altius.etcd_allow_cleartext": "on"})
    if values["auth"] != "trust":
        # nodes log in over TLS, but have no certificates that could be verified: the README says how to do better.
        settings["altius.ha_trust_etcd"] = "on"
    if values["layout"] == "scopes":
        settings["altius.ha_group_map"] = values["scope"] + "-{group}"
    return settings


def member(given):
    """A member's patroni.yml.  Wants name, group, host, etcd, data_dir and bin_dir beside what has defaults."""
    values = {**DEFAULTS, **given}
    if values["layout"] not in LAYOUTS:
        raise Failure(f'there is no layout "{values["layout"]}"', f"The layouts are: {', '.join(LAYOUTS)}.")
    values.update(timing(values["ttl"]))
    create = (f"{values['create_extension']} --database {values['database']} --group {values['group']}"
              f" --host {values['host']} --port {values['port']}")
    password = values["superuser_password"]
    login = {"username": values["etcd_user"], "password": values["etcd_password"]} if values["etcd_user"] else {}
    blocks = {
        "HBA": hba(values), "CREATE_EXTENSION": create,
        "SUPERUSER_PASSWORD": lines_of({"password": password}, 6) if password else "",
        "REPLICATION_PASSWORD": quoted(values["replication_password"] or "replicator"),
        "DCS_PARAMETERS": lines_of(values["dcs_parameters"], 8), "PARAMETERS": lines_of(values["parameters"], 4),
        "FOLLOWER": lines_of(follower(values), 4), "ETCD_LOGIN": lines_of(login, 2),
    }
    return fill(f"patroni.{values['layout']}.yml.in", {**{k.upper(): v for k, v in values.items()}, **blocks})


def fill(template, values):
    """The template's text with @NAME@ replaced; a line that only holds an empty one goes away."""
    text = (TEMPLATES / template).read_text(encoding="utf-8")

    def value(match):
        if match[1] not in values:
            raise Failure(f"{template} wants a value for {match[1]}")
        return str(values[match[1]])

    kept = []
    for line in text.splitlines():
        done = re.sub(r"@([A-Z_]+)@", value, line)
        if done.strip() or not line.strip():
            kept.append(done.rstrip())
    return "\n".join(kept) + "\n"


def haproxy(values):
    """HAProxy's configuration: `groups` maps a group to its members (name, host, port, rest_port)."""
    def servers(members, extra=""):
        return "\n".join(f"    server {m['name']} {m['host']}:{m['port']} check port {m['rest_port']}{extra}" for m in members)

    groups = values["groups"]
    everyone = [member for number in sorted(groups) for member in groups[number]]
    return fill("haproxy.cfg.in", {"LISTEN": values["listen"], "COORDINATOR_PORT": values["port"], "ANY_PORT": values["port"] + 1,
                                   "COORDINATORS": servers(groups[0]), "EVERYONE": servers(everyone)})
