# SPDX-License-Identifier: Apache-2.0
"""Commands for flavors."""

from valence.client.commands import base
from valence.db import models


class ListFlavors(base.List):
    """List flavors"""

    subject, model = "flavors", models.Flavor
    columns = ("uuid", "name", "properties", "policy")
    example = "--sort name"


class ShowFlavor(base.Show):
    """Show a flavor"""

    subject = "flavors"
    example = "large"


class CreateFlavor(base.Create):
    """Create a flavor"""

    subject, model = "flavors", models.Flavor
    example = """large --properties '{"processor": {"total_cores": 8}}' --policy pack"""


class SetFlavor(base.Set):
    """Change a flavor; no node changes"""

    subject, model = "flavors", models.Flavor
    example = "large --description 'for databases'"


class UnsetFlavor(base.Unset):
    """Set fields of a flavor back to their defaults"""

    subject, model = "flavors", models.Flavor
    example = "large --policy"


class DeleteFlavor(base.Delete):
    """Remove flavors; no node changes"""

    subject = "flavors"
    example = "large"
