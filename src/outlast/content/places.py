"""Where one run looks for content: the playbook's own folders, the user's, the core.

Knows stock's folders and the variables that change them. Leaves looking to the catalogue.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from outlast.content.cache import Cache
from outlast.content.catalogue import Catalogue
from outlast.content.closure import ClosureFinder
from outlast.content.core import AnsibleCore
from outlast.content.groups import ActionGroups
from outlast.content.parcels import Parcels
from outlast.content.routing import Routing

_SHARED = "/usr/share/ansible"


class Content(Struct, frozen=True):
    """All that a run can name and send."""

    core: AnsibleCore
    catalogue: Catalogue
    parcels: Parcels
    groups: ActionGroups

    def bring(self, folder: Path) -> None:
        """Know the modules, and what they import, that a role or an imported playbook brings."""
        self.catalogue.add(folder)
        self.parcels.bring(folder / "module_utils")


def open_content(
    playbook_dirs: Sequence[Path],
    *,
    library: Sequence[str],
    environ: Mapping[str, str],
    home: str = "~/.ansible",
    cache: Cache | None = None,
) -> Content:
    """Give the content of a run whose playbooks stand in *playbook_dirs*.

    *library* are the folders the settings name; where they name none, stock's are used, those
    in *home* first.
    """
    core = AnsibleCore.installed()
    cache = cache or Cache.of_user()
    own = [Path(place, "plugins").expanduser() for place in (home, _SHARED)]
    named = [Path(place).expanduser() for place in library] or [place / "modules" for place in own]
    catalogue = Catalogue(
        core=core,
        routing=Routing(core, cache),
        library=_folders([place / "library" for place in playbook_dirs] + named),
        collections=_folders(_collections(playbook_dirs, environ, home)),
        action_plugins=_folders([place / "action_plugins" for place in playbook_dirs]),
    )
    finder = ClosureFinder(
        catalogue,
        brought=_folders([place / "module_utils" for place in playbook_dirs]),
        own=_folders([place / "module_utils" for place in own]),
    )
    parcels = Parcels(finder, cache)
    return Content(core, catalogue, parcels, ActionGroups(catalogue, cache))


def _collections(
    playbook_dirs: Sequence[Path], environ: Mapping[str, str], home: str
) -> list[Path]:
    everywhere = os.pathsep.join(f"{place}/collections" for place in (home, _SHARED))
    named = environ.get("ANSIBLE_COLLECTIONS_PATH") or everywhere
    beside = [place / "collections" for place in playbook_dirs]
    configured = [Path(place).expanduser() for place in named.split(os.pathsep) if place]
    # A path that names the folder `ansible_collections` itself means its parent.
    homes = [place.parent if place.name == "ansible_collections" else place for place in configured]
    return [*beside, *homes, *(Path(place) for place in sys.path if place)]


def _folders(places: Sequence[Path]) -> tuple[Path, ...]:
    """Keep those that exist, each once, in order."""
    return tuple(dict.fromkeys(place for place in places if place.is_dir()))
