"""The attacks that look for the smallest change."""

from tests.perf.rivals import Row, art, foolbox, lab

ROWS = [
    Row(
        attack="ddn",
        norm="l2",
        setting="100 steps",
        ours=lab("ddn", "l2", steps=100),
        theirs={"Foolbox": foolbox(lambda fb: fb.attacks.DDNAttack(steps=100))},
        note="ART has no DDN.",
    ),
    Row(
        attack="deepfool",
        norm="l2",
        setting="50 steps at most, all ten classes, overshoot 0.02",
        ours=lab("deepfool", "l2", steps=50),
        theirs={
            "Foolbox": foolbox(lambda fb: fb.attacks.L2DeepFoolAttack(steps=50, candidates=10, overshoot=0.02)),
            "ART": art("DeepFool", max_iter=50, epsilon=0.02, nb_grads=10, batch_size=1000),
        },
    ),
    Row(
        attack="deepfool",
        norm="linf",
        setting="50 steps at most, all ten classes, overshoot 0.02",
        ours=lab("deepfool", "linf", steps=50),
        theirs={"Foolbox": foolbox(lambda fb: fb.attacks.LinfDeepFoolAttack(steps=50, candidates=10, overshoot=0.02))},
        note="ART's DeepFool is in L2 alone.",
    ),
    Row(
        attack="cw",
        norm="l2",
        setting="5 searches of at most 200 steps",
        ours=lab("cw", "l2", search_steps=5, steps=200),
        theirs={"Foolbox": foolbox(lambda fb: fb.attacks.L2CarliniWagnerAttack(binary_search_steps=5, steps=200))},
        digits=50,
        note="Everybody's own learning rate and first c.",
    ),
    Row(
        attack="cw",
        norm="l2",
        setting="10 searches of at most 10 steps, ART's default",
        ours=lab("cw", "l2", search_steps=10, steps=10, learning_rate=0.5),
        theirs={"ART": art("CarliniL2Method", batch_size=1000)},
        digits=10,
        note="ART searches a line in every step, so its 100 gradients come with up to 1000 more forward passes; with "
        "5 times 200 steps it takes minutes for a few digits.",
    ),
    Row(
        attack="ead",
        norm="l1",
        setting="5 searches of at most 100 steps",
        ours=lab("ead", "l1", search_steps=5, steps=100),
        theirs={
            "Foolbox": foolbox(lambda fb: fb.attacks.EADAttack(binary_search_steps=5, steps=100, decision_rule="L1")),
            "ART": art("ElasticNet", binary_search_steps=5, max_iter=100, decision_rule="L1", batch_size=1000),
        },
        digits=30,
        note="Everybody's own learning rate, beta and first c; all keep the smallest L1.",
    ),
]
