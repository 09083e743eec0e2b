"""``python -m geolivelihood.cli``."""

from geolivelihood.cli import main

if __name__ == "__main__":
    main()
