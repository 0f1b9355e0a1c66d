"""Save the nets as TorchScript files, and show which of them tracing cannot record."""

import warnings
from pathlib import Path

import torch

from nets import Halving, Plain

OUT = Path("out/torchscript")
OUT.mkdir(parents=True, exist_ok=True)
# torch 2.13 calls TorchScript deprecated, and warns of the loop that is lost below.
warnings.filterwarnings("ignore")


def shown(answer: torch.Tensor) -> str:
    return " ".join(f"{number:.3f}" for number in answer[0].tolist())


torch.manual_seed(1)
plain, halving = Plain().eval(), Halving().eval()
example, large = torch.tensor([[0.1, 0.2, 0.3, 0.4]]), torch.tensor([[1.0, 2.0, 3.0, 4.0]])

with torch.no_grad():
    torch.jit.trace(plain, example).save(OUT / "plain-traced.pt")
    torch.jit.script(plain).save(OUT / "plain-scripted.pt")
    print("plain at 1 2 3 4:  ", shown(plain(large)))

    scripted, traced = torch.jit.script(halving), torch.jit.trace(halving, example)
    scripted.save(OUT / "halving-scripted.pt")
    print("halving at 1 2 3 4:", shown(halving(large)))
    print("  scripted:        ", shown(scripted(large)))
    print("  traced:          ", shown(traced(large)), "(the loop is gone; not saved)")
