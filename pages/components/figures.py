"""Plotly figures: pure functions of results."""

import numpy as np
import plotly.graph_objects as go

from core.landscape import Plane

#: From the wrong class to the true one, in a light and in a dark room alike.
HEAT = [[0.0, "#F09A5E"], [0.5, "#F6F5F3"], [1.0, "#7FB5EE"]]
_EACH = 2  # of how many points one is drawn in 3D: a machine without a graphics card draws it, too


def surface(plane: Plane, label: int, path: np.ndarray, axes: tuple[str, str]) -> go.Figure:
    """The loss over the plane, coloured by the share of the true class, with the attack's path (k, 2) on it."""
    loss = plane.loss(label)
    part = slice(None, None, _EACH)
    figure = go.Figure(
        go.Surface(
            x=plane.a[part],
            y=plane.b[part],
            z=loss[part, part],
            surfacecolor=plane.probabilities[part, part, label],
            colorscale=HEAT,
            cmin=0,
            cmax=1,
            colorbar={
                "title": {"text": f"share of {label}", "side": "right"},
                "thickness": 12,
                "len": 0.7,
                "tickformat": ".0%",
            },
            contours={"z": {"show": True, "color": "rgba(90,100,125,0.35)", "width": 1}},
            hovertemplate="%{x:.3f} across, %{y:.3f} up<br>loss %{z:.2f}<extra></extra>",
            lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.05},
        )
    )
    if len(path) > 1:
        column = np.abs(plane.a[None] - path[:, :1]).argmin(axis=1)
        row = np.abs(plane.b[None] - path[:, 1:]).argmin(axis=1)
        lift = 0.02 * float(np.ptp(loss))  # a line within the surface would be hidden by it
        figure.add_trace(
            go.Scatter3d(
                x=path[:, 0],
                y=path[:, 1],
                z=loss[row, column] + lift,
                mode="lines+markers",
                line={"color": "#121A2B", "width": 6},
                marker={"size": 3, "color": "#121A2B"},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    plain = {"showbackground": False, "gridcolor": "rgba(124,136,159,0.35)", "zerolinecolor": "rgba(124,136,159,0.6)"}
    figure.update_layout(
        height=480,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={
            "xaxis": {"title": {"text": axes[0]}, **plain},
            "yaxis": {"title": {"text": axes[1]}, **plain},
            "zaxis": {"title": {"text": "loss"}, **plain},
            "aspectratio": {"x": 1.25, "y": 1.25, "z": 0.7},
            "camera": {"eye": {"x": -1.3, "y": -1.75, "z": 0.95}, "center": {"x": 0, "y": 0, "z": -0.18}},
        },
        uirevision="surface",
    )
    return figure
