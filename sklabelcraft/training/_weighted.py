"""The mean over the rows of a step, where each label counts by its weight."""

from sklabelcraft.training._distributed import ALONE


class WeightedMean:
    """Means over the rows of a step, of which each process has a part.

    Parameters
    ----------
    weights : tensor of shape (n, n_outputs)
        What each label of the rows of all processes counts for: 0 for one that is not
        known, and 1 on average over all rows that are trained on.
    group : Alone or Processes, default=ALONE
        The processes that take the step together.

    Attributes
    ----------
    own : slice
        The rows of this process.
    """

    def __init__(self, weights, group=ALONE):
        self.group, self.n = group, len(weights)
        self.own = group.share(self.n)
        self.weights = weights[self.own]

    def __call__(self, values):
        """The share of this process's labels in the mean over those of all rows.

        Parameters
        ----------
        values : tensor of shape (n_own, n_outputs)
            What is averaged, such as the loss of each label.

        Returns
        -------
        tensor of shape ()
        """
        if values.shape != self.weights.shape:
            raise ValueError(
                "a loss must give that of each element, of shape "
                f"{tuple(self.weights.shape)}, got {tuple(values.shape)}."
            )
        return self.group.mean(values * self.weights, self.n)

    def of_rows(self, values):
        """The same of values of shape (n_own,): a row counts as its labels on average.

        Parameters
        ----------
        values : tensor of shape (n_own,)
            What is averaged.

        Returns
        -------
        tensor of shape ()
        """
        return self.group.mean(values * self.weights.mean(1), self.n)
