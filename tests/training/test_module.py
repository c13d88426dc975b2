"""The learning rate, and what a step leaves alone."""

from inkread.recognition.alphabet import Alphabet
from inkread.training.module import Optimisation, RecognizerModule
from inkread.training.network import Recognizer


def test_the_rate_warms_up_holds_and_falls() -> None:
    settings = Optimisation(steps=100, warm_up=10, decay=0.5)
    assert [round(settings.factor(step), 2) for step in (0, 9, 40, 50, 75, 100)] == [0.1, 1, 1, 1, 0.5, 0]


def test_frozen_blocks_do_not_learn_and_the_backbone_learns_more_slowly() -> None:
    module = RecognizerModule(
        Recognizer(4), Alphabet("abc"), Optimisation(rate=1e-3, backbone_share=0.5, frozen_blocks=1)
    )
    optimiser = module.configure_optimizers()["optimizer"]
    slow, fast = optimiser.param_groups
    learning = {id(weight) for group in optimiser.param_groups for weight in group["params"]}
    assert not learning & {id(weight) for weight in module.network.stem.parameters()}
    assert {id(weight) for weight in module.network.head.parameters()} <= learning
    assert slow["initial_lr"] == 0.5 * fast["initial_lr"]
