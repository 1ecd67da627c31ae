"""`python -m streamsig` is `streamsig`."""

import sys

from streamsig.cli import main

sys.exit(main())
