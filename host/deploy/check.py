"""What the files of this folder say of each other, and of the program; `check` runs it."""

import json
import re
import sys
import tomllib
from pathlib import Path

import promql_parser
import yaml

DEPLOY = Path(__file__).parent
ROOT = DEPLOY.parent.parent
# after `server.drain`: the apology, the end of what is left, Twilio's last questions, the last answers
AFTER_DRAIN = 15 + 5 + 3 + 2
wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)


def text(name):
    return (DEPLOY / name).read_text()


def documents(name):
    return list(yaml.safe_load_all(text(name)))


def program():
    """All that the program is made of, and what it says of its variables."""
    sources = [*ROOT.glob("host/*/src/**/*.rs"), *ROOT.glob("plugins/*/plugin.toml"), ROOT / ".env.example"]
    return "\n".join(path.read_text() for path in sources if path.is_file())


def queries():
    """Every query, and where it stands."""
    for group in yaml.safe_load(text("monitoring/alerts.yml"))["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]
    for panel in json.loads(text("monitoring/dashboard.json"))["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r}", target["expr"].replace("$__rate_interval", "5m")
    for rule in yaml.safe_load(text("monitoring/prometheus-adapter.yaml"))["rules"]["custom"]:
        yield "prometheus-adapter", rule["seriesQuery"]
    for metric in documents("kubernetes/autoscaler.yaml")[0]["spec"]["metrics"]:
        if metric["type"] == "Pods":
            yield "autoscaler", metric["pods"]["metric"]["name"]


def figures(source):
    guide = text("README.md")
    for where, query in queries():
        try:
            promql_parser.parse(query)
        except ValueError as error:
            check(False, f"{where}: {error}")
        for name in set(re.findall(r"\bcordboard_[a-z_]+", query)):
            plain = re.sub(r"_(bucket|sum|count)$", "", name)
            check(f'"{plain}"' in source, f"{where}: the program has no figure {plain}")
            check(f"`{plain}" in guide, f"{where}: README.md says nothing of {plain}")


def alerts():
    headings = set(re.findall(r"^#+ (.+)$", text("README.md"), re.MULTILINE))
    for group in yaml.safe_load(text("monitoring/alerts.yml"))["groups"]:
        for rule in group["rules"]:
            about = f"alert {rule.get('alert')}"
            check(set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, f"{about}: unknown keys")
            check(rule["labels"]["severity"] in ("page", "ticket"), f"{about}: no such severity")
            heading = rule["annotations"]["runbook"].removeprefix("README.md: ")
            check(heading in headings, f"{about}: README.md has no {heading!r}")


def variables(source):
    """What is set has a meaning."""
    compose = yaml.safe_load(text("compose.yaml"))
    for name in ("cordboard-1", "cordboard-2"):
        known(compose["services"][name]["environment"], source)
    known(env_file(), source, {"POSTGRES_PASSWORD", "REDIS_PASSWORD"})
    known(documents("kubernetes/secret.example.yaml")[0]["stringData"], source)
    container = pod()["containers"][0]
    known([variable["name"] for variable in container["env"]], source, {"POD_IP"})


def env_file():
    return re.findall(r"^([A-Z_]+)=", text(".env.example"), re.MULTILINE)


def known(names, source, besides=frozenset()):
    for name in names:
        is_known = name in besides or re.search(rf"\b{name}\b", source)
        check(is_known, f"the program knows no variable {name}")


def pod():
    return documents("kubernetes/statefulset.yaml")[0]["spec"]["template"]["spec"]


def times(nginx):
    """Nothing ends a call that the program would let go on."""
    for place in ("", "kubernetes/"):
        config = tomllib.loads(text(f"{place}cordboard.toml"))
        call, drain = config["limits"]["call"], config["server"]["drain"]
        check(drain >= call + 60, f"{place}cordboard.toml: a call may outlast `server.drain`")
        if place:
            before = int(pod()["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
            given = pod()["terminationGracePeriodSeconds"]
            check(given > before + drain + AFTER_DRAIN, "terminationGracePeriodSeconds is too short")
            annotations = documents("kubernetes/ingress.yaml")[0]["metadata"]["annotations"]
            for name, value in annotations.items():
                if name.endswith(("read-timeout", "send-timeout")):
                    check(seconds(value) >= call, f"ingress.yaml: {name} is shorter than a call")
        else:
            services = yaml.safe_load(text("compose.yaml"))["services"]
            for name in ("cordboard-1", "cordboard-2"):
                given = seconds(services[name]["stop_grace_period"])
                check(given > drain + AFTER_DRAIN, f"compose.yaml: stop_grace_period of {name} is too short")
            for directive, value in nginx:
                if directive == "worker_shutdown_timeout":
                    check(seconds(value) >= call, "nginx.conf: worker_shutdown_timeout is shorter than a call")
            for path in ("/ws/TOKEN", "/media", "/relay/TOKEN", "/calls/CA1/events"):
                for directive in ("proxy_read_timeout", "proxy_send_timeout"):
                    value = located(path, directive)
                    check(value and seconds(value) >= call, f"nginx.conf: {directive} of {path} is too short")


def seconds(value):
    number, unit = re.fullmatch(r"(\d+)([smh]?)", str(value)).groups()
    return int(number) * {"": 1, "s": 1, "m": 60, "h": 3600}[unit]


def directives(parsed, errors):
    """Every directive is one, with arguments that it takes. A map's lines are none, and are right."""
    http = next(block for block in parsed if block["directive"] == "http")["block"]
    mapped = {line["line"] for block in http if block["directive"] == "map" for line in block["block"]}
    for error in errors:
        check(error["line"] in mapped, error["error"])


def nginx_server():
    """The server that speaks TLS."""
    http = next(block for block in NGINX if block["directive"] == "http")["block"]
    servers = [block["block"] for block in http if block["directive"] == "server"]
    return next(s for s in servers if any(d["directive"] == "listen" and "ssl" in d["args"] for d in s))


def located(path, directive):
    """A directive of the first location with a pattern that matches this path."""
    for block in nginx_server():
        if block["directive"] == "location" and block["args"][0] == "~" and re.match(block["args"][1], path):
            return next((d["args"][0] for d in block["block"] if d["directive"] == directive), None)
    return None


def kustomization():
    there = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    there -= {"kustomization.yaml", "migrate.yaml", "secret.example.yaml"}
    named = set(documents("kubernetes/kustomization.yaml")[0]["resources"])
    check(there == named, f"kustomization.yaml: not the same as what is there: {there ^ named}")


def links():
    """What the guides point at is there."""
    for guide in ("README.md", "MIGRATING.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text(guide)):
            if "://" not in target:
                check((DEPLOY / target).exists(), f"{guide}: there is no {target}")


lenient, strict = (json.loads(Path(path).read_text()) for path in sys.argv[1:])
NGINX = lenient["config"][0]["parsed"]
source = program()
directives(NGINX, lenient["errors"] + strict["errors"])
figures(source)
alerts()
variables(source)
times([(d["directive"], d["args"][0]) for d in NGINX if d["args"]])
kustomization()
links()
for problem in dict.fromkeys(wrong):
    print(problem)
sys.exit(bool(wrong))
