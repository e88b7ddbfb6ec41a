"""Write .config: ``python3 -m support.kconfig --defconfig=FILE Config.in``.

BR2_CONFIG in the environment names the .config file; ``option env=`` imports other variables.
"""

import argparse
import os
import sys
from pathlib import Path

from support.kconfig.dotconfig import full_text, minimal_text, read_wishes
from support.kconfig.evaluate import Configuration
from support.kconfig.parser import ConfigInError, parse_tree


def main() -> int:
    """Run one of the three modes; give the exit code."""
    options = _arguments()
    config = Path(os.environ["BR2_CONFIG"])
    if options.defconfig and not options.defconfig.is_file():
        print(f'***\n*** Can\'t find default configuration "{options.defconfig}"!\n***')
        return 1
    try:
        tree = parse_tree(options.config_in, os.environ)
    except ConfigInError as error:
        print(error, file=sys.stderr)
        return 1
    source = options.defconfig or (config if config.is_file() else None)
    configuration = Configuration(tree, read_wishes(source, tree) if source else {})
    if options.savedefconfig:
        options.savedefconfig.write_text(minimal_text(configuration), encoding="utf-8")
        return 0
    configuration.warn_unmet()
    _replace(config, full_text(configuration))
    print(f"#\n# configuration written to {config}\n#")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conf", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--defconfig", type=Path, metavar="FILE")
    mode.add_argument("--olddefconfig", action="store_true")
    mode.add_argument("--savedefconfig", type=Path, metavar="FILE")
    parser.add_argument("config_in", type=Path)
    return parser.parse_args()


def _replace(config: Path, text: str) -> None:
    temporary = config.with_name(f".{config.name}.new")
    temporary.write_text(text, encoding="utf-8")
    if config.exists():
        config.replace(config.with_name(f"{config.name}.old"))
    temporary.replace(config)


if __name__ == "__main__":
    sys.exit(main())
