#!/usr/bin/env python3
"""Packs a folder of recordings of real engines into one JSON file an engine.

    tests/recordings/pack.py FOLDER

FOLDER has a folder for each engine, docker-28.5.2 and the like (others than
Docker are passed over), with the
engine's answers as they came: version.json, info.json, networks.json,
images/NAME.inspect.json, and for every container containers/NAME.create.json
(the create body as sent), NAME.inspect.json (inspect after the start) and
NAME.created.json (inspect before it). compose/ has the same of containers that
docker-compose made, states/ inspect data of containers in every state.

What comes out, ENGINE.json beside this script:

    {"version": …, "info": …, "networks": [{"Id", "Name"}], "images": {ID: inspect},
     "containers": {NAME: {"create": …, "inspect": …, "created": …, "start": STATUS}},
     "states": {NAME: inspect}}

Bodies that the engine refused are left out. No value is changed; left out is
what no test reads and what only makes the files long: storage paths, features
of runtimes, the plugin and registry lists.
"""

import json
import pathlib
import sys

BULK_OF_CONTAINERS = ["GraphDriver", "HostnamePath", "HostsPath", "LogPath", "ResolvConfPath"]
BULK_OF_IMAGES = ["ContainerConfig", "GraphDriver", "RootFS", "Manifests"]
BULK_OF_INFO = ["Plugins", "RegistryConfig", "Runtimes", "Warnings"]


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def without(bulk, data):
    return {key: value for key, value in data.items() if key not in bulk}


def pairs(folder, index):
    for sent in sorted(folder.glob("*.create.json")):
        name = sent.name.removesuffix(".create.json")
        shown = folder / f"{name}.inspect.json"
        if not shown.exists():
            continue
        pair = {"create": read(sent), "inspect": without(BULK_OF_CONTAINERS, read(shown))}
        created = folder / f"{name}.created.json"
        if created.exists():
            found = read(created)
            pair["created"] = without(BULK_OF_CONTAINERS, found)
        entry = index.get(f"{folder.name}/{name}.inspect.json", {})
        if entry.get("start"):
            pair["start"] = entry["start"]["status"]
        yield name, pair


def pack(folder):
    index = read(folder / "index.json")
    containers = dict(pairs(folder / "containers", index))
    for name, pair in pairs(folder / "compose", index):
        containers[f"compose-{name}"] = pair
    networks = folder / "networks.json"
    return {
        "version": read(folder / "version.json"),
        "info": without(BULK_OF_INFO, read(folder / "info.json")),
        "networks": [
            {"Id": network["Id"], "Name": network["Name"]}
            for network in (read(networks) if networks.exists() else [])
        ],
        "images": {
            image["Id"]: without(BULK_OF_IMAGES, image)
            for image in map(read, sorted(folder.glob("images/*.inspect.json")))
        },
        "containers": containers,
        "states": {
            path.name.removesuffix(".inspect.json"): without(BULK_OF_CONTAINERS, read(path))
            for path in sorted(folder.glob("states/*.inspect.json"))
        },
    }


def write(packed, path):
    """One container, image or state a line, so that a change shows what changed."""
    lines = []
    for part, value in packed.items():
        if isinstance(value, dict) and part not in ("version", "info"):
            inner = ",\n".join(
                f"  {json.dumps(key)}: {json.dumps(item, sort_keys=True)}"
                for key, item in value.items()
            )
            lines.append(f'"{part}": {{\n{inner}\n}}' if inner else f'"{part}": {{}}')
        else:
            lines.append(f'"{part}": {json.dumps(value, sort_keys=True)}')
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    here = pathlib.Path(__file__).parent
    for folder in sorted(pathlib.Path(sys.argv[1]).glob("docker-*")):
        if (folder / "version.json").exists():
            write(pack(folder), here / f"{folder.name}.json")


if __name__ == "__main__":
    main()
