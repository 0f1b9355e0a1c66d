"""One thread for torch, and a service for those tests that ask for one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from service import Service, what_is_missing

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def start_service() -> Iterator[Callable[[Path], Service]]:
    """Starts a service on a folder of models; all that were started end with the session. Skips where none can run."""
    missing = what_is_missing()
    if missing is not None:
        pytest.skip(f"no service: {missing}")
    started: list[Service] = []

    def start(models: Path) -> Service:
        service = Service(models)
        started.append(service)
        return service.__enter__()

    yield start
    for service in started:
        service.close()
