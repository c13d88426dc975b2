"""Write a bundle whose recogniser has the mean of the weights of several recognisers that began alike.

Usage: ``python -m recipe.mean BUNDLE:0.3 BUNDLE:0.35 BUNDLE:0.35 --store LINES --version VERSION -o FOLDER``

"Model soups" (Wortsman et al., ICML 2022). All but the recogniser comes from the first bundle. The weights of its
language models and its calibrations have to be tuned again (`recipe.tuning`, `recipe.rescoring`). LINES holds line
images of train, on which the ranges of int8 are measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from torch import Tensor

from inkread.bundle import Bundle, Model
from inkread.cli.terminal import run_command
from inkread.data.store import LineStore
from inkread.errors import BundleError
from inkread.recognition.alphabet import Alphabet
from inkread.training.bundling import calibration_strips, copy_language_models, joined_sources, write_bundle
from inkread.training.network import load_network
from inkread.version import code_commit

Share = tuple[Bundle, float]


def write_mean(shares: list[Share], store: LineStore, folder: Path, version: str) -> Model:
    """Write the bundle.

    Args:
        shares: bundles and their shares, which sum to 1.
        store: training lines.
        folder: to write.
        version: of the bundle.

    Raises:
        BundleError: the shares do not sum to 1, or the recognisers are of different shapes or alphabets.
    """
    if abs(sum(share for _, share in shares) - 1) > 1e-6:  # noqa: PLR2004 - rounding
        raise BundleError("the shares of the bundles do not sum to 1")
    first = shares[0][0]
    alphabet, stride = Alphabet(first.model.alphabet), first.model.input.stride
    for bundle, _ in shares:
        if (bundle.model.alphabet, bundle.model.input.stride) != (first.model.alphabet, stride):
            raise BundleError(f"{bundle.folder}: its recogniser is not of the kind of {first.folder}")
    networks = [(load_network(bundle.weights, alphabet, stride), share) for bundle, share in shares]
    states = [(network.state_dict(), share) for network, share in networks]
    mean: dict[str, Tensor] = {
        name: sum((share * state[name] for state, share in states), start=0 * weight)
        for name, weight in states[0][0].items()
    }
    network = networks[0][0].eval()
    network.load_state_dict(mean)
    folder.mkdir(parents=True, exist_ok=True)
    copy_language_models(first, folder)
    names = " and ".join(f"{share:g} of {bundle.model.name} {bundle.model.version}" for bundle, share in shares)
    update = {
        "version": version,
        "sources": joined_sources(*(bundle.model.sources for bundle, _ in reversed(shares))),
        "metrics": (),
        "training_command": f"python -m recipe.mean: {names}",
        "code_commit": code_commit(),
    }
    return write_bundle(
        network, first.model.model_copy(update=update), folder, calibration_strips(store), first.detector
    )


def main(
    bundles: Annotated[list[str], typer.Argument(help="BUNDLE:SHARE, the first one gives what is not the recogniser")],
    store: Annotated[Path, typer.Option(help="Folder of the line images of train")],
    version: Annotated[str, typer.Option(help="Version of the bundle")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Bundle folder to write")],
) -> None:
    """Write a bundle with the mean of the weights of several."""
    named = [text.rpartition(":") for text in bundles]
    try:
        parts = [float(share) for _, _, share in named]
    except ValueError:
        raise typer.BadParameter("each bundle needs its share, such as runs/first/bundle:0.5") from None
    shares = [(Bundle.open(name), part) for (name, _, _), part in zip(named, parts, strict=True)]
    model = write_mean(shares, LineStore.open(store), output, version)
    typer.echo(f"{output}: {model.name} {model.version}")


if __name__ == "__main__":
    run_command(typer.run, main)
