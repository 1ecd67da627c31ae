"""`streamsig` and `python -m streamsig`: handles signals before the slow imports."""

import os
import sys

from streamsig.stopping import Stopping


def main() -> int:
    """Run the command line; return the exit code."""
    stopping = Stopping()
    stopping.listen()
    # numpy would start threads for linear algebra, which streamsig does not use
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from streamsig.cli.main import main as command_line  # noqa: PLC0415 (slow)
    except Exception as error:
        from streamsig.libraries import broken_library  # noqa: PLC0415 (only for errors)

        message = broken_library(error)
        if message is None:
            raise
        sys.stderr.write(f"streamsig: {' '.join(message.split())}\n")
        return 1

    return command_line(sys.argv[1:], stopping)


if __name__ == "__main__":
    sys.exit(main())
