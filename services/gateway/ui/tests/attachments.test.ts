import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Limits, Uploaded } from "../shared/protocol";
import { Attachments } from "../widget/attachments";
import { kindOf, readableSize, readableTime, unwanted } from "../widget/files";
import { UploadFailed } from "../widget/upload";

const LIMITS: Limits = { upload_bytes_max: 100, upload_types: ["image/*", "application/pdf"], media_per_message_max: 3 };
const uploaded = (id: string): Uploaded => ({ media_id: id, kind: "image", url: `/media/${id}` });
const file = (name: string, size = 10, type = "image/png"): File => new File([new Uint8Array(size)], name, { type });

describe("files", () => {
  it("are taken by size and type", () => {
    expect(unwanted(file("a"), LIMITS)).toBeNull();
    expect(unwanted(file("a", 101), LIMITS)).toBe("tooBig");
    expect(unwanted(file("a", 0), LIMITS)).toBe("emptyFile");
    expect(unwanted(file("a", 1, "text/html"), LIMITS)).toBe("typeRefused");
    expect(unwanted(file("a", 1, "application/pdf; x=1"), LIMITS)).toBeNull();
    expect(unwanted(file("a", 1, ""), LIMITS)).toBeNull();
  });

  it("are shown by their type, drawings as files", () => {
    expect(["image/png", "image/svg+xml", "audio/ogg", "video/mp4", "text/plain"].map(kindOf)).toEqual(["image", "document", "audio", "video", "document"]);
  });

  it("are measured in words of the language", () => {
    expect([0, 999, 1500, 3_400_000].map((bytes) => readableSize(bytes, "en"))).toEqual(["0 byte", "999 byte", "2 kB", "3.4 MB"]);
    expect(readableSize(3_400_000, "de")).toBe("3,4 MB");
    expect([0, 7.4, 61, NaN, Infinity].map(readableTime)).toEqual(["0:00", "0:07", "1:01", "", ""]);
  });
});

describe("attachments", () => {
  const upload = vi.fn();
  let attachments: Attachments;
  const states = (): string[] => attachments.list.value.map(({ state, problem }) => problem ?? state);
  const settled = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(0));

  beforeEach(() => {
    vi.useFakeTimers();
    upload.mockReset();
    attachments = new Attachments(upload);
    attachments.limits.value = LIMITS;
    return () => vi.useRealTimers();
  });

  it("are uploaded at once and taken when they are done", async () => {
    upload.mockImplementation(async (given: File) => uploaded(given.name));
    attachments.add([file("a"), file("b")]);
    expect(attachments.isUploading.value).toBe(true);
    await settled();
    expect(attachments.take().map(({ media }) => media.media_id)).toEqual(["a", "b"]);
    expect(attachments.list.value).toEqual([]);
  });

  it("are nothing where the channel takes no files", () => {
    attachments.limits.value = null;
    attachments.add([file("a")]);
    expect(attachments.list.value).toEqual([]);
  });

  it("keep what is refused with its reason and do not send it", async () => {
    upload.mockRejectedValue(new UploadFailed("unsupported_type", "no", false));
    attachments.add([file("big", 101), file("odd")]);
    await settled();
    expect(states()).toEqual(["tooBig", "typeRefused"]);
    expect(attachments.take()).toEqual([]);
    expect(upload).toHaveBeenCalledTimes(1);
  });

  it("take no more than fit into one message and say so", () => {
    upload.mockReturnValue(new Promise(() => undefined));
    attachments.add([file("a"), file("b"), file("c"), file("d")]);
    expect([attachments.list.value.length, attachments.overflow.value]).toEqual([3, 3]);
  });

  it("start again by themselves after the network broke, at once when it is back", async () => {
    upload.mockRejectedValueOnce(new UploadFailed("offline", "", true)).mockResolvedValueOnce(uploaded("a"));
    attachments.add([file("a")]);
    await settled();
    expect([states(), upload.mock.calls.length]).toEqual([["uploading"], 1]);
    attachments.wake();
    await settled();
    expect(states()).toEqual(["done"]);
  });

  it("are tried again when the visitor asks", async () => {
    upload.mockRejectedValueOnce(new UploadFailed("invalid", "no", false)).mockResolvedValueOnce(uploaded("a"));
    attachments.add([file("a")]);
    await settled();
    expect(attachments.list.value).toMatchObject([{ problem: "uploadFailed", canRetry: true, detail: "no" }]);
    attachments.retry(attachments.list.value[0]?.id ?? 0);
    await settled();
    expect(attachments.take()).toHaveLength(1);
  });

  it("stop when they are taken away", () => {
    let stopped = false;
    upload.mockImplementation((_: File, __: unknown, stop: AbortSignal) => {
      stop.addEventListener("abort", () => (stopped = true));
      return new Promise(() => undefined);
    });
    attachments.add([file("a")]);
    attachments.remove(attachments.list.value[0]?.id ?? 0);
    expect([stopped, attachments.list.value]).toEqual([true, []]);
  });
});
