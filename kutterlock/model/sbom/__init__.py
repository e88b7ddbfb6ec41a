"""Bills of material and licences."""
