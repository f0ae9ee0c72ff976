"""One process of Optuna on a shared RDBStorage; it prints its CPU seconds."""

import sys
import time

import optuna


def main() -> None:
    """Run trials that do nothing; 0 trials only makes the study."""
    url, trials = sys.argv[1], int(sys.argv[2])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="throughput", storage=url, sampler=optuna.samplers.RandomSampler(), load_if_exists=True
    )
    if trials:
        study.optimize(lambda trial: sum(trial.suggest_float(f"p{i}", 0, 1) for i in range(6)), n_trials=trials)
        print(time.process_time())


if __name__ == "__main__":
    main()
