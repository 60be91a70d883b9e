"""The adversary of DVR."""

from torch import Tensor, nn

from sklabelcraft.modules._embeddings import dense


class DurationReader(nn.Module):
    """Reads the duration in a ranker's logits, and sends back the reversed gradient.

    Parameters
    ----------
    n_outputs : int
        Number of logits per impression.
    weight : float
        Weight of the reversed gradient.

    References
    ----------
    .. [1] Zheng et al., "DVR: Micro-Video Recommendation Optimizing
       Watch-Time-Gain under Duration Bias", MM 2022.
    """

    def __init__(self, n_outputs: int, weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.reader = dense(n_outputs, (16,), 1)

    def forward(self, logits: Tensor) -> Tensor:
        """The duration that is read from each row of the logits, (n,)."""
        reversed_ = (1 + self.weight) * logits.detach() - self.weight * logits
        return self.reader(reversed_)[:, 0]
