# The server in a small image, as nobody in particular: docs/packages.md tells how to run it.
FROM debian:12-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates cmake dpkg-dev file g++ git libboost1.81-dev libcli11-dev \
      libfmt-dev libpcre2-dev libspdlog-dev libssl-dev libutf8proc-dev libxxhash-dev ninja-build \
      nlohmann-json3-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN cmake --preset release -S /src -B /build -DBUILD_TESTING=OFF -DFERRUM_UNITY=ON \
 && cmake --build /build \
 && cpack --config /build/CPackConfig.cmake -G DEB -B /packages

FROM debian:12-slim
RUN --mount=type=bind,from=build,source=/packages,target=/packages \
    apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates /packages/ferrum_*.deb \
 && rm -rf /var/lib/apt/lists/*
USER ferrum
ENV HF_HOME=/var/lib/ferrum/huggingface
WORKDIR /var/lib/ferrum
VOLUME /var/lib/ferrum
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=10m --interval=30s --timeout=5s CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '\"ok\"' <&3"]
ENTRYPOINT ["ferrum"]
CMD ["serve", "--host", "0.0.0.0"]
