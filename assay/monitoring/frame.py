"""A window of traffic as a table: one row a capture, with what is compared and what was decided.

Columns:

    capture_id, created_at, client, media_type, model_version
    group           near-duplicates of the window share one; pixel-equal captures always
    label, score, stratum, needs_review
    flipped         whether a stability check changed the label; None where none was made
    d_<name>        descriptors (`assay.descriptors`), NaN where absent
    f_<id>          values of findings, NaN where not applicable
    e_<n>           principal components of the model's representation, from 0
    human_label     what people decided, None where nobody did
    is_blind        whether the one who decided did not know the verdict; False without decision
    decided_by      an account, empty without decision
    weight          1 / selection probability of captures selected by design (needs review, audit),
                    whether or not they are decided; NaN for all others, also where a report or an
                    appeal brought a decision
"""
