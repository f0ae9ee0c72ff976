"""The tasks of `benchmarks.search`: BBOB, mixed and conditional spaces, and trainings of scikit-learn's models."""

from benchmarks.search_conditional import CLASSIFIERS, DEEP, LEARNERS, SHALLOW, branching, classifier
from benchmarks.search_tasks import (
    HELD_OUT,
    TUNED,
    bbob,
    bbob_mixed,
    bbob_steps,
    conditional,
    mixed,
    table,
)
from benchmarks.search_training import (
    BOOSTING_SPACE,
    FINE,
    NEIGHBORS_SPACE,
    SGD_SPACE,
    SVC_SPACE,
    TREE_SPACE,
    boosting,
    neighbors,
    sgd,
    svc,
    training,
    tree,
)

TASKS = {
    task.name: task
    for task in (
        bbob(3, TUNED, "rastrigin", 5),
        bbob(8, TUNED, "rosenbrock", 4),
        bbob(21, TUNED, "gallagher", 3),
        bbob(10, TUNED, "ellipsoid", 6),
        bbob_mixed(15, TUNED, "int_rastrigin", (3, 2)),
        bbob_steps(1, TUNED, "steps_sphere", 5, 40),
        table(TUNED, "table", 5, 5),
        mixed(TUNED, "mixed", choice_count=4, width=3),
        conditional(TUNED, "conditional", 3, 2),
        branching(TUNED, "branching", SHALLOW),
        training(TUNED, "classifier_digits", classifier, CLASSIFIERS, FINE),
        training(TUNED, "svc_digits", svc, SVC_SPACE),
        training(TUNED, "tree_breast_cancer", tree, TREE_SPACE),
        bbob(4, HELD_OUT, "bueche_rastrigin", 4),
        bbob(6, HELD_OUT, "attractive_sector", 5),
        bbob(7, HELD_OUT, "step_ellipsoid", 6),
        bbob(17, HELD_OUT, "schaffers", 5),
        bbob(20, HELD_OUT, "schwefel", 4),
        bbob(24, HELD_OUT, "lunacek", 8),
        bbob_mixed(9, HELD_OUT, "int_rosenbrock", (4, 2)),
        bbob_steps(15, HELD_OUT, "steps_rastrigin", 3, 40),
        table(HELD_OUT, "table", 7, 3),
        mixed(HELD_OUT, "mixed_many", choice_count=7, width=5),
        conditional(HELD_OUT, "conditional_wide", 4, 3),
        branching(HELD_OUT, "branching_deep", DEEP),
        training(HELD_OUT, "learner_digits", classifier, LEARNERS, FINE),
        training(HELD_OUT, "sgd_digits", sgd, SGD_SPACE),
        training(HELD_OUT, "boosting_diabetes", boosting, BOOSTING_SPACE),
        training(HELD_OUT, "neighbors_wine", neighbors, NEIGHBORS_SPACE),
    )
}
