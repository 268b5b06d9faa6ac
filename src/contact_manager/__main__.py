"""``python -m contact_manager``."""

from contact_manager.entrypoints.cli.main import main

main()
