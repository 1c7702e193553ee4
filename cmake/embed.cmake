# Writes a C++ file with the bytes of the gzip files in a folder, for ferrum::server::web::assets():
#   cmake -DFOLDER=… -DOUTPUT=… -P embed.cmake
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*.gz)
list(SORT files)
set(table "")
foreach(file ${files})
  file(READ ${FOLDER}/${file} bytes HEX)
  file(SHA256 ${FOLDER}/${file} hash)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  string(REGEX REPLACE "\\.gz$" "" path "/${file}")
  string(REGEX REPLACE "/index\\.html$" "/" path "${path}")
  string(SUBSTRING ${hash} 0 16 tag)
  string(APPEND table "    {\"${path}\", \"${tag}\", {\"${bytes}\", ${size}}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"server/web/asset.h\"

namespace ferrum::server::web {

std::span<const Asset> assets() {
  static constexpr Asset kAssets[] = {
${table}  };
  return kAssets;
}

}  // namespace ferrum::server::web
")
