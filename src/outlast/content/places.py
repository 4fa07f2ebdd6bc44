"""Where one run looks for content: the playbook's own folders, the user's, the core.

Knows stock's folders and the variables that change them. Leaves looking to the catalogue.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from outlast.content.cache import Cache
from outlast.content.catalogue import Catalogue
from outlast.content.closure import ClosureFinder
from outlast.content.collections import Collections
from outlast.content.core import AnsibleCore
from outlast.content.groups import ActionGroups
from outlast.content.parcels import Parcels
from outlast.content.routing import Routing
from outlast.outcome import Notice

_SHARED = "/usr/share/ansible"


class Content(Struct, frozen=True):
    """All that a run can name and send."""

    catalogue: Catalogue
    parcels: Parcels
    groups: ActionGroups

    @property
    def core(self) -> AnsibleCore:
        """The ansible-core that it is built on."""
        return self.catalogue.core

    @property
    def collections(self) -> Collections:
        """What is installed beside it, and beside the playbooks."""
        return self.catalogue.collections

    def bring(self, folder: Path) -> None:
        """Know the modules, and what they import, that a role or an imported playbook brings."""
        self.catalogue.add(folder)
        self.parcels.bring(folder / "module_utils")


def open_collections(
    paths: Sequence[str],
    *,
    scan_sys_path: bool = True,
    mismatch: str = "warning",
    cache: Cache | None = None,
    notice: Callable[[Notice], None] = lambda _notice: None,
) -> Collections:
    """Give the collections that are installed in *paths*, and in Python's if they are to count.

    *mismatch* is what it is when one is not made for this ansible-core: `warning`, `error`, or
    to `ignore`.
    """
    named = [Path(place).expanduser() for place in paths if place]
    # A path that names the folder `ansible_collections` itself means its parent.
    homes = [place.parent if place.name == "ansible_collections" else place for place in named]
    pythons = [Path(place) for place in sys.path if place] if scan_sys_path else []
    return Collections(
        core=AnsibleCore.installed(),
        cache=cache or Cache.of_user(),
        folders=_folders([*homes, *pythons]),
        mismatch=mismatch,
        notice=notice,
    )


def open_content(  # noqa: PLR0913  # the places, all of them by name
    playbook_dirs: Sequence[Path],
    *,
    library: Sequence[str] = (),
    module_utils: Sequence[str] = (),
    collections: Collections | None = None,
    home: str = "~/.ansible",
    cache: Cache | None = None,
    notice: Callable[[Notice], None] = lambda _notice: None,
) -> Content:
    """Give the content of a run whose playbooks stand in *playbook_dirs*.

    *library* and *module_utils* are the folders the settings name; where they name none, stock's
    are used, those in *home* first.
    """
    cache = cache or Cache.of_user()
    collections = collections or open_collections((), cache=cache, notice=notice)
    # Those beside a playbook come first; a collection's own playbooks have none beside them.
    beside = [place for place in playbook_dirs if collections.holding(place) is None]
    collections.begin_with(_folders([place / "collections" for place in beside]))
    own = [Path(place, "plugins").expanduser() for place in (home, _SHARED)]
    named = _named(library) or [place / "modules" for place in own]
    catalogue = Catalogue(
        core=collections.core,
        collections=collections,
        routing=Routing(collections),
        library=_folders([place / "library" for place in playbook_dirs] + named),
        action_plugins=_folders([place / "action_plugins" for place in playbook_dirs]),
        notice=notice,
    )
    finder = ClosureFinder(
        catalogue,
        brought=_folders([place / "module_utils" for place in playbook_dirs]),
        own=_folders(_named(module_utils) or [place / "module_utils" for place in own]),
    )
    parcels = Parcels(finder, cache)
    return Content(catalogue, parcels, ActionGroups(catalogue, cache))


def _named(places: Sequence[str]) -> list[Path]:
    return [Path(place).expanduser() for place in places]


def _folders(places: Sequence[Path]) -> tuple[Path, ...]:
    """Keep those that exist, each once, in order."""
    return tuple(dict.fromkeys(place for place in places if place.is_dir()))
