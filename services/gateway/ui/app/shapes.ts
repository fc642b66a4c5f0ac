/** What the API shows of documents and searches, as far as this page uses it. */

export type Stage = "queued" | "reading" | "splitting" | "embedding" | "storing" | "ready" | "failed";

export interface Work {
  bytes_done?: number | null;
  bytes_total?: number | null;
  pages_done?: number | null;
  pages_total?: number | null;
  passages_done?: number | null;
  passages_total?: number | null;
  passages_reused?: number | null;
}

export interface KnownDocument {
  document_id: string;
  title: string;
  file_name: string;
  media_type: string | null;
  size_bytes: number;
  stage: Stage;
  percent: number;
  code: string | null;
  detail: string | null;
  document_version: number;
  passages: number;
  pages: number | null;
  language: string | null;
  updated_at: string;
  document_kind?: "file" | "text" | "qa" | "web" | null;
  source_url?: string | null;
  enabled?: boolean | null;
  expires_at?: string | null;
  tags?: string[] | null;
  building_version?: number | null;
  work?: Work | null;
}

export interface FoundPassage {
  passage_id: string;
  document_id: string;
  title: string;
  page: number | null;
  heading: string | null;
  text: string;
  keyword_score: number;
  vector_score: number;
  score: number;
  rerank_score?: number | null;
  source_url?: string | null;
}

export interface Candidate {
  passage_id: string;
  document_id: string;
  keyword_rank: number | null;
  keyword_score: number | null;
  coverage: number | null;
  vector_rank: number | null;
  vector_score: number | null;
  fused_rank: number;
  fused_score: number;
  rerank_rank: number | null;
  rerank_score: number | null;
  cut_by: string;
}

export interface Explained {
  query: string;
  language: string | null;
  index: {
    documents: number;
    documents_searched: number;
    documents_disabled: number;
    documents_expired: number;
    documents_filtered: number;
    passages_searched: number;
    models: string[];
  };
  keyword_method: string;
  vector_method: string;
  fusion: string;
  reranker: string;
  threshold: string;
  terms: { word: string; term: string; passages: number; idf: number; corrected_from: string | null }[];
  candidates: Candidate[];
  cuts: Record<string, number>;
  milliseconds: Record<string, number>;
}

export interface Found {
  passages: FoundPassage[];
  degraded: boolean;
  candidates: number;
  milliseconds: number;
  cause?: string | null;
  cause_detail?: string | null;
  explained?: Explained | null;
}
