"""Curriculum Audiovisual Learning (Hu et al. 2020), to be read beside the paper.

§3.1.1 ``clustering``, §3.1.2 and §3.3.1 ``alignment``, §3.2.1 ``curriculum`` and ``grading``, §3.2.2 ``counting``,
§4.2 ``spectrogram`` and ``trunks``, Fig 2 ``model``. Pure PyTorch: no files, no Sacred, no command line.
"""
