"""The attacks that change few pixels."""

from tests.perf.rivals import Row, art, lab

ROWS = [
    Row(
        attack="jsma",
        norm="l0",
        setting="strokes of 1, 30 % of the pixels at most",
        ours=lab("jsma", "l0", targeted=True, share=0.3),
        theirs={"ART": art("SaliencyMapMethod", targeted=True, theta=1.0, gamma=0.3, batch_size=1000)},
        targeted=True,
        note="ART takes the two largest gradients of the target's logit and no pairs; Foolbox has no JSMA.",
    ),
    Row(
        attack="sigma_zero",
        norm="l0",
        setting="200 steps",
        ours=lab("sigma_zero", "l0", steps=200),
        note="Neither peer has it.",
    ),
    *(
        Row(
            attack="fab",
            norm=norm,
            setting="100 steps",
            ours=lab("fab", norm, steps=100),
            note="Neither peer has it.",
        )
        for norm in ("linf", "l2", "l1")
    ),
]
