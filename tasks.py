"""The front door: `./inv --list` is the table of contents; the work is in jetson_kit/."""

from invoke.collection import Collection

from jetson_kit.tasks import targets

ns = Collection()
ns.add_task(targets.targets)
