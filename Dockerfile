# neurosvt on a CPU: docker build --tag neurosvt . && docker run --rm neurosvt demo
#
# What commands write lies in /work: docker run --rm -v "$PWD:/work" --user "$(id -u)" neurosvt demo

FROM python:3.12-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /src

FROM python:3.12-slim
# The published PyTorch brings CUDA along, which is ten times the rest.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir /wheels/*.whl
RUN useradd --create-home --uid 1000 neurosvt && install -d -o neurosvt -g neurosvt /work
# Pictures' cache and the hub's; open to whatever user the image is run as.
ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib HF_HOME=/tmp/huggingface
USER neurosvt
WORKDIR /work
ENTRYPOINT ["neurosvt"]
CMD ["--help"]
