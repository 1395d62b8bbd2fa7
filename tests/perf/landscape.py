"""The plane through a digit: 101 x 101 points, clipped into the box, for each model of the zoo."""

from statistics import median

from core import landscape, zoo
from tests.perf.engine import in_turns
from tests.support import some_digits

AIM = 0.5  # seconds


def main(repeats: int = 5) -> None:
    """Print what a plane takes, with new directions as a page would ask for it, and the parts that go with it."""
    x, other = some_digits(2)[0]
    u = landscape.orthogonal(other - x, x, "linf")
    v = landscape.random_direction(u, "linf")
    models = [zoo.load(name) for name in zoo.names()]
    times = in_turns(
        {model.name: (lambda model=model: landscape.plane(model, x, u, v, 0.3)) for model in models}, 4 * repeats
    )
    print(f"\nA plane of {landscape.COUNT} x {landscape.COUNT} points; {4 * repeats} turns; to take {AIM:g} s at most")
    for name, each in times.items():
        print(f"{name:26}{median(each) * 1e3:7.1f} ms{min(each) * 1e3:9.1f} ms at best", flush=True)
